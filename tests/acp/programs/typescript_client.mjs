// A client of the official TypeScript package: `node … PACKAGE CHOICE COMMAND…`, where CHOICE is the kind of an option.
// It asks, is asked, cancels and loads what was said; the last line of stdout is what it saw.
import { spawn } from "node:child_process";
import { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";

const [packagePath, choice, program, ...rest] = process.argv.slice(2);
const acp = await import(pathToFileURL(packagePath).href);
const child = spawn(program, rest, { stdio: ["pipe", "pipe", "inherit"] });
const stream = acp.ndJsonStream(Writable.toWeb(child.stdin), Readable.toWeb(child.stdout));
const seen = { asked: [], said: [], tools: {}, stops: [] };
let onChunk = () => {};
const client = acp
  .client({ name: "test" })
  .onRequest(acp.methods.client.session.requestPermission, ({ params }) => {
    seen.asked.push(params.options.map((option) => option.kind));
    const { optionId } = params.options.find((option) => option.kind === choice);
    return { outcome: { outcome: "selected", optionId } };
  })
  .onNotification(acp.methods.client.session.update, ({ params: { update } }) => {
    if (update.sessionUpdate === "agent_message_chunk") {
      seen.said.push(update.content.text);
      onChunk();
    }
    if (update.sessionUpdate.startsWith("tool_call")) seen.tools[update.toolCallId] ??= [];
    if (update.status) seen.tools[update.toolCallId]?.push(update.status);
  });
await client.connectWith(stream, async (agent) => {
  const { session, initialize } = acp.methods.agent;
  const hello = await agent.request(initialize, { protocolVersion: acp.PROTOCOL_VERSION, clientCapabilities: {} });
  seen.version = hello.protocolVersion;
  const opened = await agent.request(session.new, { cwd: process.cwd(), mcpServers: [] });
  const { sessionId } = opened;
  seen.modes = opened.modes.availableModes.map((mode) => mode.id);
  const ask = async (text) => {
    const answer = await agent.request(session.prompt, { sessionId, prompt: [{ type: "text", text }] });
    seen.stops.push(answer.stopReason);
  };
  await ask("make it");
  const before = seen.said.length;
  // What was said last of the turn before may be handled only now.
  const begun = new Promise((resolve) => (onChunk = () => seen.said.slice(before).join("").includes("word") && resolve()));
  const counting = ask("count");
  await begun;
  await agent.notify(session.cancel, { sessionId });
  await counting;
  // What was told before an answer is handled by the next one.
  await agent.request(session.close, { sessionId });
  const live = seen.said.splice(0).join("");
  await agent.request(session.load, { sessionId, cwd: process.cwd(), mcpServers: [] });
  const { sessions } = await agent.request(session.list, {});
  Object.assign(seen, { live, replayed: seen.said.join(""), said: undefined });
  seen.listed = sessions.some((each) => each.sessionId === sessionId);
});
child.stdin.end();
await new Promise((resolve) => child.once("exit", resolve));
seen.exit = child.exitCode;
console.log(JSON.stringify(seen));
process.exit(0);
