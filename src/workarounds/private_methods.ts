/**
 * The prototype of a class of grpc-js, of which a workaround replaces private methods.
 *
 * @param names what has to be there
 * @throws {Error} if something is not, so that an update of grpc-js cannot bring a fault back unseen
 */
export function privateMethods<T extends object>(
  class_: { readonly name: string; readonly prototype: object },
  names: readonly (keyof T & string)[],
): T {
  const prototype = class_.prototype as Record<string, unknown>;
  for (const name of names) {
    if (typeof prototype[name] === "function") continue;
    throw new Error(
      `this version of @grpc/grpc-js has no ${class_.name}.${name}, 1.14.7 had it: check src/workarounds/`,
    );
  }
  return prototype as T;
}
