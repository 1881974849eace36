/*
 * Which answers are streams. Nothing about a Response tells, and to ask for the body of another
 * makes a stream of it, which Bun sends chunked.
 */

const streamed = new WeakSet<Response>();

/** The answer, remembered as one whose body comes bit by bit. */
export function asStreamed(response: Response): Response {
  streamed.add(response);
  return response;
}

/** Whether the body of an answer comes bit by bit. */
export function isStreamed(response: Response): boolean {
  return streamed.has(response);
}
