/** What a file of answers may hold, and in which words its mistakes are told. */
import * as v from "valibot";
import { isReservedInAnswers } from "../../contract/metadata_names.ts";
import { STATUS_NAMES } from "../../contract/status_codes.ts";
import { parseDelay } from "./plan.ts";

/** Half of a surrogate pair, which JSON can write, is no character and cannot be sent. */
function isWellFormed(text: string): boolean {
  return text.isWellFormed();
}

const CHARACTERS = "a text of whole characters, without half of a surrogate pair";
const text = v.pipe(v.string("a text in quotes"), v.check(isWellFormed, CHARACTERS));

/** For valibot a list is an object too. */
function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A Map, because valibot leaves out what an object has under names such as "constructor". */
function entriesOf(object: object): Map<string, unknown> {
  return new Map(Object.entries(object));
}

/** An object with these keys and no others. */
function object<const T extends v.ObjectEntries>(entries: T) {
  const keys = Object.keys(entries).join(", ");
  return v.pipe(
    v.custom<object>(isObject, `an object with the keys ${keys}`),
    v.strictObject(
      entries,
      ({ expected }) => expected === "never" ? `none but the keys ${keys}` : "to be there",
    ),
  );
}

const CODE = "the name of a status code, such as NOT_FOUND";
const Code = v.pipe(v.string(CODE), v.toUpperCase(), v.picklist(STATUS_NAMES, CODE));

const DELAY = 'a delay from 0 to 1m, such as "200ms", or a range, such as "50ms-200ms"';
const Delay = v.pipe(
  v.string(DELAY),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const delay = parseDelay(dataset.value);
    if (delay !== undefined) return delay;
    addIssue({ message: DELAY });
    return NEVER;
  }),
);

const MetadataName = v.pipe(
  v.string(),
  v.check(
    (name) => /^[\da-z_.-]+$/.test(name) && !name.endsWith("-bin") && !isReservedInAnswers(name),
    "a name in lower case that gRPC and HTTP do not reserve, without -bin",
  ),
);

const MetadataValues = v.pipe(
  text,
  v.regex(/^[ -~]*$/, "printable ASCII"),
  v.transform((value) => [value]),
);

const Details = object({
  violations: v.array(object({ field: text, description: text }), "a list"),
});

const Answer = v.pipe(
  object({
    message: v.optional(text),
    code: v.optional(Code),
    reason: v.optional(text),
    details: v.optional(Details),
    delay: v.optional(Delay),
    metadata: v.optional(
      v.pipe(
        v.custom<object>(isObject, "an object of texts"),
        v.transform(entriesOf),
        v.map(MetadataName, MetadataValues),
      ),
    ),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { code = "OK", message, reason, details } = dataset.value;
    const refuse = (key: string, message: string) => {
      // The path leads from the whole answer to its key, for the error line.
      addIssue({
        message,
        path: [{ type: "object", origin: "value", input: dataset.value, key, value: undefined }],
      });
    };
    if (code !== "OK" && message !== undefined) refuse("message", "no code beside it, or OK");
    if (code === "OK" && reason !== undefined) refuse("reason", "a code beside it that is not OK");
    if (code === "OK" && details !== undefined) {
      refuse("details", "a code beside it that is not OK");
    }
  }),
);

const Answers = v.pipe(v.array(Answer), v.minLength(1, "at least one answer"));

/** One answer, or the list of those that come one after another. */
const Entry = v.lazy((input) => Array.isArray(input) ? Answers : Answer);

/** A file of answers: from usernames, or `*` for all others, to what they are answered. */
export const AnswersSchema = v.pipe(
  v.custom<object>(isObject, "an object from usernames to answers"),
  v.transform(entriesOf),
  v.map(v.pipe(v.string(), v.check(isWellFormed, CHARACTERS)), Entry),
);

/** An answer as the file has it. */
export type ScriptedAnswer = v.InferOutput<typeof Answer>;

/**
 * Every mistake of a file, each with its path in the file and what is expected there; empty if there is
 * none.
 */
export function mistakesIn(issues: readonly v.BaseIssue<unknown>[]): string[] {
  return issues.map(({ path = [], message }) => mistakeAt(path.map(({ key }) => key), message));
}

/** A mistake with its path in the file. */
export function mistakeAt(path: readonly unknown[], expected: string): string {
  const keys = path.map(pathPart).join("").replace(/^\./, "");
  return `${keys || "the file"}: expects ${expected}`;
}

function pathPart(key: unknown): string {
  if (typeof key === "number") return `[${key}]`;
  const name = String(key);
  return /^[\p{L}\p{N}_*-]+$/u.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}
