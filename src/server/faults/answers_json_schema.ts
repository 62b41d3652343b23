import { type ConversionConfig, toJsonSchema } from "@valibot/to-json-schema";
import { AnswersSchema } from "./answers_schema.ts";
import { formOf, type Schema } from "./schema_parts.ts";

/** A JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The JSON Schema, of draft 2020-12, of a file of answers, made from the schema that checks it. What it
 * refuses is refused there too, but for names of status codes in small letters. It accepts some things
 * that it cannot say, such as a range of delays that begins after its end, or a rule without `when` in
 * the midst of a list.
 */
export function answersJsonSchema(): JsonSchema {
  const $defs: Record<string, JsonSchema> = {};
  const config: ConversionConfig = {
    target: "draft-2020-12",
    typeMode: "input",
    ignoreActions: ["check", "raw_check", "to_upper_case"],
    overrideSchema: ({ valibotSchema }) => {
      const form = formOf(valibotSchema as Schema);
      if (form?.name === undefined) return form && convert(form.schema());
      $defs[form.name] ??= convert(form.schema());
      return { $ref: `#/$defs/${form.name}` };
    },
  };
  const convert = (schema: Schema): JsonSchema => {
    // Where it converts a choice by itself it defines the one that is chosen by nothing.
    const { $schema: _, $defs: __, ...converted } = toJsonSchema(schema, config);
    return converted;
  };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...convert(AnswersSchema),
    $defs,
  };
}
