import type { StatusName } from "../contract/status_codes.ts";

/**
 * The value of the label `grpc_code`, as Go names the status code: `OK`, `InvalidArgument`.
 *
 * @see https://pkg.go.dev/google.golang.org/grpc/codes#Code.String
 */
export function codeLabel(name: StatusName): string {
  if (name === "OK") return name;
  if (name === "CANCELLED") return "Canceled";
  return name.split("_").map((word) => word[0] + word.slice(1).toLowerCase()).join("");
}
