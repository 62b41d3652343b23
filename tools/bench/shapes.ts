/** The shapes of the loads: connections, and the calls under way at once on each. */
export interface Shape {
  readonly connections: number;
  readonly streams: number;
}

/** Under which servers are compared. */
export const COMPARED: Shape = { connections: 4, streams: 25 };

/**
 * About 1, 10, 100 and 1,000 calls at once over 1, 4 and 64 connections, where that many fit: usersvc
 * takes 100 calls at once on one connection.
 */
export const SHAPES: readonly Shape[] = [
  { connections: 1, streams: 1 },
  { connections: 1, streams: 10 },
  { connections: 1, streams: 100 },
  { connections: 4, streams: 1 },
  { connections: 4, streams: 25 },
  { connections: 64, streams: 1 },
  { connections: 64, streams: 16 },
];
