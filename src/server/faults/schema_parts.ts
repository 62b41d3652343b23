/**
 * What the schema of a file of answers is made of. valibot checks with it, and names each mistake; some of
 * its parts have no form in JSON Schema, so each of these says what stands for it there.
 */
import * as v from "valibot";

/** Any schema. */
export type Schema = v.GenericSchema<unknown, unknown>;

/** What stands for a schema in JSON Schema. */
interface Form {
  readonly schema: () => Schema;
  /** Under which name it is defined there; absent: it stands where it is used. */
  readonly name?: string | undefined;
}

const forms = new WeakMap<Schema, Form>();

/** Says what stands for a schema in JSON Schema. */
export function withForm<T extends Schema>(schema: T, form: () => Schema, name?: string): T {
  forms.set(schema, { schema: form, name });
  return schema;
}

/** What stands for a schema in JSON Schema; undefined where that is the schema itself. */
export function formOf(schema: Schema): Form | undefined {
  return forms.get(schema);
}

/** Half of a surrogate pair, which JSON can write, is no character and cannot be sent. */
export const CHARACTERS = "a text of whole characters, without half of a surrogate pair";

/** Any text that can be sent. */
export const text = v.pipe(
  v.string("a text in quotes"),
  v.check((text) => text.isWellFormed(), CHARACTERS),
);

/** The form of bytes in base64; the padding may be left out. */
export const BASE64 = /^(?:[\dA-Za-z+/]{4})*(?:[\dA-Za-z+/]{2}(?:==)?|[\dA-Za-z+/]{3}=?)?$/;

/** Bytes in base64. */
export const base64 = v.pipe(v.string("a text in quotes"), v.regex(BASE64, "bytes in base64"));

/** For valibot a list is an object too. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What JSON Schema says of an object beside its keys. */
interface ObjectForm {
  /** Under which name it is defined. */
  readonly name?: string;
  /** What its keys mean, which editors show. */
  readonly keys?: Readonly<Record<string, string>>;
  /** Further keywords. */
  readonly keywords?: Readonly<Record<string, unknown>>;
}

/** An object with these keys and no others. */
export function object<const T extends v.ObjectEntries>(entries: T, form: ObjectForm = {}) {
  const keys = Object.keys(entries).join(", ");
  const strict = v.strictObject(
    entries,
    ({ expected }) => expected === "never" ? `none but the keys ${keys}` : "to be there",
  );
  const any = v.custom<object>(isObject, `an object with the keys ${keys}`);
  return v.pipe(withForm(any, () => objectForm(entries, form), form.name), strict);
}

function objectForm(
  entries: v.ObjectEntries,
  { keys = {}, keywords = {} }: ObjectForm,
): Schema {
  const described = Object.entries(entries).map(([key, entry]) => {
    const means = keys[key];
    return [key, means === undefined ? entry : v.pipe(entry, v.description(means))];
  });
  return v.pipe(v.strictObject(Object.fromEntries(described)), v.metadata(keywords));
}

/** A Map, because valibot leaves out what an object has under names such as "constructor". */
export function entriesOf(object: object): Map<string, unknown> {
  return new Map(Object.entries(object));
}

/**
 * An object with any number of keys; what is made of it is a Map.
 *
 * @param expected what it is, in words
 * @param keywords what JSON Schema says of it beside its keys and values
 */
export function mapOf<const T>(
  key: v.GenericSchema<string>,
  value: v.GenericSchema<unknown, T>,
  expected: string,
  keywords: Readonly<Record<string, unknown>> = {},
) {
  const any = v.custom<object>(isObject, expected);
  return v.pipe(
    withForm(any, () => v.pipe(v.record(key, value), v.metadata(keywords))),
    v.transform(entriesOf),
    v.map(key, value),
  );
}

/**
 * One of several schemas. The input chooses it, so that mistakes are told of the one that was meant.
 *
 * @param options all of them
 */
export function choice<T>(
  options: () => readonly v.GenericSchema<unknown, T>[],
  choose: (input: unknown) => v.GenericSchema<unknown, T>,
): v.GenericSchema<unknown, T> {
  return withForm(v.lazy(choose), () => v.union([...options()]));
}
