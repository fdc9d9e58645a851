import { describe, expect, it } from 'vitest';
import { parseGatewayState } from './services-state.js';

const METRICS = `# HELP tollgate_gateway_requests_total Inference requests by how they ended
# TYPE tollgate_gateway_requests_total counter
tollgate_gateway_requests_total{outcome="completed",service="gateway"} 1200
tollgate_gateway_requests_total{service="gateway",outcome="client_left"} 3
tollgate_gateway_requests_in_flight{service="gateway"} 2
tollgate_gateway_ship_lag_seconds 0.25
`;

describe('what the gateway says of itself', () => {
  it('is read whatever labels it has', () => {
    expect(parseGatewayState(METRICS)).toEqual({
      inFlight: 2,
      shipLagSeconds: 0.25,
      outcomes: new Map([
        ['completed', 1_200],
        ['client_left', 3],
      ]),
    });
  });
  it('is missed where it is not there', () => {
    expect(() => parseGatewayState('')).toThrow('no tollgate_gateway_requests_in_flight');
  });
});
