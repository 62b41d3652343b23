/** The forms of a log: the tutorial's lines, one JSON object per line, or only what went wrong. */
export const LOG_FORMATS = ["text", "json", "none"] as const;

/** One of {@linkcode LOG_FORMATS}. */
export type LogFormat = typeof LOG_FORMATS[number];
