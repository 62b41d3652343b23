/** What a file of answers may hold, and in which words its mistakes are told. */
import * as v from "valibot";
import { RESERVED_IN_ANSWERS } from "../../contract/metadata_names.ts";
import { STATUS_NAMES } from "../../contract/status_codes.ts";
import { isTooLong, MAX_USERNAME } from "../../contract/username.ts";
import { Details } from "./details_schema.ts";
import { MAX_DELAY_MS, parseDelay } from "./plan.ts";
import {
  BASE64,
  CHARACTERS,
  choice,
  entriesOf,
  isObject,
  mapOf,
  object,
  type Schema,
  text,
  withForm,
} from "./schema_parts.ts";

const CODE = "the name of a status code, such as NOT_FOUND";
const Code = v.pipe(
  withForm(v.string(CODE), () => v.picklist(STATUS_NAMES)),
  v.toUpperCase(),
  v.picklist(STATUS_NAMES, CODE),
);

const DELAY = 'a delay from 0 to 1m, such as "200ms", or a range, such as "50ms-200ms"';
/** A delay of at most a minute; JSON Schema cannot compare the two of a range, nor add up hours. */
const ONE_DELAY = [
  "0",
  String.raw`0*(?:[1-5]?\d{1,4}(?:\.\d+)?|60000(?:\.0+)?)ms`,
  String.raw`0*(?:[1-5]?\d(?:\.\d+)?|60(?:\.0+)?)s`,
  String.raw`0*(?:0(?:\.\d+)?|1(?:\.0+)?)m`,
  String.raw`0+(?:\.\d+)?h`,
].join("|");
const DELAY_FORM = new RegExp(`^(?:${ONE_DELAY})(?:-(?:${ONE_DELAY}))?$`);
const Delay = v.pipe(
  withForm(v.string(DELAY), () => v.pipe(v.string(), v.regex(DELAY_FORM))),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const delay = parseDelay(dataset.value, MAX_DELAY_MS);
    if (delay !== undefined) return delay;
    addIssue({ message: DELAY });
    return NEVER;
  }),
);

const NAME_FORM = /^[\da-z_.-]+$/;
const NAME = "a name in lower case";
const AnyName = v.pipe(v.string(), v.regex(NAME_FORM, NAME));

const ANSWER_NAME = "a name in lower case that gRPC and HTTP do not reserve";
const AnswerName = v.pipe(
  withForm(v.string(), () =>
    v.pipe(
      v.string(),
      v.regex(NAME_FORM),
      v.metadata({ not: { pattern: RESERVED_IN_ANSWERS.source } }),
    )),
  v.check((name) => NAME_FORM.test(name) && !RESERVED_IN_ANSWERS.test(name), ANSWER_NAME),
);

const Ascii = v.pipe(text, v.regex(/^[ -~]*$/, "printable ASCII"));

/**
 * Metadata: texts, and bytes in base64 under names that end with `-bin`.
 *
 * @param keywords what JSON Schema says of it beside its names and values
 */
function metadata(name: v.GenericSchema<string>, keywords: Readonly<Record<string, unknown>> = {}) {
  return v.pipe(
    mapOf(name, Ascii, "an object of texts", {
      ...keywords,
      patternProperties: { "-bin$": { type: "string", pattern: BASE64.source } },
    }),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      for (const [key, value] of dataset.value) {
        if (!key.endsWith("-bin") || BASE64.test(value)) continue;
        const item = { type: "map", origin: "value", input: dataset.value, key, value } as const;
        addIssue({ message: "bytes in base64", path: [item] });
      }
    }),
  );
}

const AnswerMetadata = v.pipe(
  metadata(AnswerName),
  v.transform((values) => Object.fromEntries([...values].map(([name, value]) => [name, [value]]))),
);

const When = object({
  metadata: v.pipe(
    metadata(AnyName, { minProperties: 1 }),
    v.transform((values) => [...values]),
    v.minLength(1, "at least one name"),
  ),
});

/**
 * The most that the trailer can say, which is a signed number of 32 bits.
 *
 * @see https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback
 */
const MAX_PUSHBACK_MS = 2 ** 31 - 1;
const PUSHBACK = `milliseconds up to ${MAX_PUSHBACK_MS}, or -1 for no retry`;
const Pushback = v.pipe(
  withForm(
    v.number(PUSHBACK),
    () => v.pipe(v.number(), v.integer(), v.minValue(-1), v.maxValue(MAX_PUSHBACK_MS)),
  ),
  v.check((ms) => Number.isInteger(ms) && ms >= -1 && ms <= MAX_PUSHBACK_MS, PUSHBACK),
);

/** The keys that only a failure has. */
const OF_FAILURES = ["reason", "details", "pushback"] as const;

/** In JSON Schema: a greeting has none of the keys of failures, and a failure no message. */
const BY_CODE = {
  if: { properties: { code: { const: "OK" } } },
  then: { properties: Object.fromEntries(OF_FAILURES.map((key) => [key, false])) },
  else: { properties: { message: false } },
};

/** A case says all of its answer. */
const NOT_WITH_WIRE = [
  ...["message", "code", "reason", "details", "metadata", "trailers", "pushback"] as const,
];

const WIRE = 'the name of a case of the gauntlet, such as "rst_during_data"';

/** The same in JSON Schema. */
const WITH_WIRE = {
  dependentSchemas: {
    wire: { properties: Object.fromEntries(NOT_WITH_WIRE.map((key) => [key, false])) },
  },
};

/** What an editor says of the keys of an answer. */
const MEANINGS = {
  message: "The text in place of the greeting",
  code: "The status code to fail with",
  reason: "The message of that failure",
  details: "The details of that failure, each with its @type",
  delay: 'How late it comes, up to 1m, or a range: "50ms-200ms"',
  metadata: "Initial metadata of a greeting, trailers of a failure; base64 for names with -bin",
  trailers: "Trailers; base64 for names with -bin",
  pushback: "After how many milliseconds the client is to retry; -1: not at all",
  wire: "The case of the gauntlet that answers it, beside a delay at most",
  when: "Which calls it answers: those that have all of this metadata",
};

const Answer = v.pipe(
  object({
    message: v.optional(text),
    code: v.optional(Code),
    reason: v.optional(text),
    details: v.optional(Details),
    delay: v.optional(Delay),
    metadata: v.optional(AnswerMetadata),
    trailers: v.optional(AnswerMetadata),
    pushback: v.optional(Pushback),
    wire: v.optional(v.pipe(text, v.regex(/^[\da-z_-]+$/, WIRE))),
    when: v.optional(When),
  }, { name: "Answer", keys: MEANINGS, keywords: { ...BY_CODE, ...WITH_WIRE } }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { code = "OK", message, wire } = dataset.value;
    const refuse = (key: string, message: string) => {
      // The path leads from the whole answer to its key, for the error line.
      addIssue({
        message,
        path: [{ type: "object", origin: "value", input: dataset.value, key, value: undefined }],
      });
    };
    if (code !== "OK" && message !== undefined) refuse("message", "no code beside it, or OK");
    for (const key of wire === undefined ? [] : NOT_WITH_WIRE) {
      if (dataset.value[key] !== undefined) refuse(key, "no wire beside it");
    }
    for (const key of code === "OK" ? OF_FAILURES : []) {
      if (dataset.value[key] !== undefined) refuse(key, "a code beside it that is not OK");
    }
  }),
);

const RULES = '"when", since others of the list have it: only the last may be without';

const Answers = v.pipe(
  v.array(Answer),
  v.minLength(1, "at least one answer"),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed || dataset.value.every(({ when }) => when === undefined)) return;
    for (const [key, value] of dataset.value.slice(0, -1).entries()) {
      if (value.when !== undefined) continue;
      const input = dataset.value;
      addIssue({ message: RULES, path: [{ type: "array", origin: "value", input, key, value }] });
    }
  }),
);

/** One answer, or a list: of answers that come one after another, or of rules. */
const Entry = choice<ScriptedAnswer | ScriptedAnswer[]>(
  () => [Answer, Answers],
  (input) => Array.isArray(input) ? Answers : Answer,
);

/** A name, or a pattern. */
const USERNAME_FORM = /^[^*]*\*?[^*]*$/;

const USERNAME = `a username, or a pattern with one "*", of at most ${MAX_USERNAME} characters`;
const Username = v.pipe(
  withForm(v.string(), () => v.pipe(v.string(), v.regex(USERNAME_FORM))),
  v.check((name) => name.isWellFormed(), CHARACTERS),
  v.check((name) => USERNAME_FORM.test(name) && !isTooLong(name), USERNAME),
);

/** Says to an editor where the schema of the file is; it is no username. */
const SCHEMA_KEY = "$schema";

/**
 * A file of answers: from usernames, or patterns of them such as `flaky-*`, to what they are answered.
 */
export const AnswersSchema = v.pipe(
  withForm(
    v.custom<object>(isObject, "an object from usernames to answers"),
    () => FileForm,
  ),
  v.rawTransform(({ dataset, addIssue }) => {
    const entries = entriesOf(dataset.value);
    const value = entries.get(SCHEMA_KEY);
    if (entries.delete(SCHEMA_KEY) && typeof value !== "string") {
      const input = dataset.value as Record<string, unknown>;
      const item = { type: "object", origin: "value", input, key: SCHEMA_KEY, value } as const;
      addIssue({ message: "a text in quotes, where the schema of the file is", path: [item] });
    }
    return entries;
  }),
  v.map(Username, Entry),
);

/** What JSON Schema says of a file of answers. */
const FileForm: Schema = v.pipe(
  v.objectWithRest({ [SCHEMA_KEY]: v.optional(v.string()) }, Entry),
  v.title("A file of answers"),
  v.description(
    'What usernames, or patterns of them with one "*", are answered. A pattern greets nobody whose ' +
      "username is empty, blank or too long",
  ),
  v.metadata({ propertyNames: { pattern: USERNAME_FORM.source, maxLength: MAX_USERNAME } }),
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
