import type { Citation, Finish } from '../answer.js';
import type { JsonObject } from '../dialect-codec.js';
import { fieldsOf, numberOf, textOf } from '../fields.js';

/** Why a response ended. A whole answer in which the model refuses, and calls nothing, ended by its refusal. */
export function readEnd(response: JsonObject, refuses: boolean): Finish {
  const isWhole = response['status'] !== 'incomplete';
  const isFiltered = fieldsOf(response['incomplete_details'])['reason'] === 'content_filter';
  const reason = isFiltered || (isWhole && refuses) ? 'content_filter' : isWhole ? 'stop' : 'length';
  return { reason, stopSequence: null };
}

/** A citation of a text. What has no address, as a file of OpenAI's, keeps its name. */
export function readAnnotation(annotation: JsonObject): Citation {
  return {
    url: textOf(annotation['url']),
    title: textOf(annotation['title']) ?? textOf(annotation['filename']),
    quoted: null,
    start: numberOf(annotation['start_index']),
    end: numberOf(annotation['end_index']),
    original: annotation,
  };
}
