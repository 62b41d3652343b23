/** The details of a failed call, as a file of answers has them: the JSON of google.protobuf.Any. */
import type { DescField, DescMessage, JsonObject } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import * as v from "valibot";
import { detailTypes, encodeDetail } from "../../contract/error_detail_types.ts";
import { badRequest, type SentDetail } from "../../contract/error_details.ts";
import { base64, choice, isObject, mapOf, object, text, withForm } from "./schema_parts.ts";

const PREFIX = "type.googleapis.com/";

const TYPE = `the type of a message, such as "${PREFIX}google.rpc.RetryInfo"`;
const TYPE_FORM = /^type\.googleapis\.com\/[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;

/** A message of a type that is not known here. */
const Unknown = v.pipe(
  object({
    "@type": v.pipe(
      withForm(
        v.string(TYPE),
        () => v.pipe(v.string(), v.notValues([...knownDetails().keys()])),
      ),
      v.regex(TYPE_FORM, TYPE),
    ),
    value: base64,
  }),
  v.transform(({ "@type": type, value }): SentDetail => ({
    type: type.slice(PREFIX.length),
    value: Uint8Array.fromBase64(value),
  })),
);

type DetailSchema = v.GenericSchema<unknown, SentDetail>;

let known: ReadonlyMap<string, DetailSchema> | undefined;

/** The schemas of the types that Google has defined, by what `@type` says. */
function knownDetails(): ReadonlyMap<string, DetailSchema> {
  return known ??= new Map(
    [...detailTypes()].map(([name, type]) => [PREFIX + name, detailSchema(PREFIX + name, type)]),
  );
}

function detailSchema(name: string, type: DescMessage): DetailSchema {
  return v.pipe(
    messageSchema(type, { "@type": v.literal(name) }),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const { "@type": _, ...json } = dataset.value as JsonObject;
      try {
        return { type: type.typeName, value: encodeDetail(type, json), debug: json };
      } catch (error) {
        addIssue({ message: `values within their ranges: ${(error as Error).message}` });
        return NEVER;
      }
    }),
  );
}

/** The JSON form of a message: https://protobuf.dev/programming-guides/json/. */
function messageSchema(type: DescMessage, first: v.ObjectEntries = {}) {
  const fields = type.fields.map((field) => [field.jsonName, v.optional(fieldSchema(field))]);
  return object({ ...first, ...Object.fromEntries(fields) as v.ObjectEntries });
}

function fieldSchema(field: DescField): v.GenericSchema {
  switch (field.fieldKind) {
    case "list":
      return v.array(valueSchema(field), "a list");
    case "map":
      return v.pipe(
        mapOf(text, valueSchema(field), "an object of texts"),
        v.transform((entries) => Object.fromEntries(entries)),
      );
    default:
      return valueSchema(field);
  }
}

const DURATION = 'a duration in seconds, such as "1.5s"';
const Duration = v.pipe(v.string(DURATION), v.regex(/^-?\d{1,12}(?:\.\d{1,9})?s$/, DURATION));

const INTEGER = "a whole number, in quotes or not";
const DIGITS = /^-?\d{1,19}$/;
const Integer = withForm(
  v.custom<number | string>(
    (value) => typeof value === "string" ? DIGITS.test(value) : Number.isInteger(value),
    INTEGER,
  ),
  () => v.union([v.pipe(v.number(), v.integer()), v.pipe(v.string(), v.regex(DIGITS))]),
);

/** @throws {Error} for a type that error_details.proto has not had so far */
function valueSchema({ message, scalar, name }: DescField): v.GenericSchema {
  if (message?.typeName === "google.protobuf.Duration") return Duration;
  if (message) return messageSchema(message);
  if (scalar === ScalarType.STRING) return text;
  if (scalar === ScalarType.INT64) return Integer;
  throw new Error(`the field ${name} of a detail has a type without a schema`);
}

const Detail = choice(
  () => [...knownDetails().values(), Unknown],
  (input) => isObject(input) && knownDetails().get(String(input["@type"])) || Unknown,
);

const DetailList = v.array(Detail, "a list of details");

/** The short form of a `google.rpc.BadRequest`. */
const Violations = v.pipe(
  object({ violations: v.array(object({ field: text, description: text }), "a list") }),
  v.transform(({ violations }) => [badRequest(violations)]),
);

/** A list of details, or the short form of one. */
export const Details = choice<SentDetail[]>(
  () => [DetailList, Violations],
  (input) => isObject(input) ? Violations : DetailList,
);
