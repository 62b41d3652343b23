/** A file of answers cannot be used; the message is one line that says why. */
export class AnswersError extends Error {
  override name = "AnswersError";
}
