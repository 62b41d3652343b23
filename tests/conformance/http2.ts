/**
 * What is below grpc-js in the programs of these tests: src/http2/, or node:http2 where the environment
 * variable HTTP2 is `node`.
 */
import process from "node:process";
import { useOwnHttp2 } from "../../src/workarounds/own_http2.ts";

if (process.env.HTTP2 !== "node") useOwnHttp2();
