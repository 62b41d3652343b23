/** cli-progress by a module of the program: see histogram.ts. */
// @ts-types="@types/cli-progress"
import cliProgress from "cli-progress";

export const { Format, SingleBar } = cliProgress;
