#!/usr/bin/env node
// Starts the bundle with the native Deno that npm has installed beside this package.
"use strict";

const { spawn } = require("node:child_process");
const process = require("node:process");
const { launch } = require("./deno.cjs");

/** Ends with one line that says what is wrong. */
function fail(line) {
  process.stderr.write(`usersvc: ${line}\n`);
  process.exit(1);
}

/** Not child.kill: where Deno is Node, "exit" then says that the signal has ended the process. */
function send({ pid }, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended, or was never started; its event is on the way.
  }
}

/** Whether it runs a server that neither reads stdin nor leaves that to a command. */
function leavesStdin([command, ...args]) {
  const reads = (arg) => arg === "--" || arg.startsWith("--until-stdin-closes");
  return command === "serve" && !args.some(reads);
}

function start(args) {
  // Nobody can pass SIGKILL on, but it closes the pipe that this process holds.
  const held = leavesStdin(args);
  const line = held ? ["serve", "--until-stdin-closes", ...args.slice(1)] : args;
  const { path, args: all, env, failure } = launch(line);
  // Not process.execve: in Node 24.9 Deno would start with its signals blocked.
  const child = spawn(path, all, {
    stdio: [held ? "pipe" : "inherit", "inherit", "inherit"],
    env,
  });
  child.on("error", (error) => fail(failure(error)));
  // On Windows the console tells every process of Ctrl-C, and there is no SIGUSR2.
  const windows = process.platform === "win32";
  const passOn = windows ? () => {} : (signal) => send(child, signal);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", ...(windows ? [] : ["SIGUSR2"])];
  for (const signal of signals) process.on(signal, passOn);
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    // Ends as Deno has, for those that ask why.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

try {
  start(process.argv.slice(2));
} catch (error) {
  fail(error.message);
}
