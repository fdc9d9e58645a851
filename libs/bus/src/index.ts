export type { BusBatch, BusDelivery, BusMessage, BusPublisher, ResumeOffsets } from './port.js';
