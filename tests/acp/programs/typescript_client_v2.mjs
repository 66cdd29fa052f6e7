// A client of the official TypeScript package that speaks version 2, a draft: `node … PACKAGE CHOICE COMMAND…`, where
// CHOICE is the kind of an option. It asks, is asked, cancels and resumes; the last line of stdout is what it saw.
import { spawn } from "node:child_process";
import { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";

const [packagePath, choice, program, ...rest] = process.argv.slice(2);
const acp = await import(pathToFileURL(packagePath).href);
const child = spawn(program, rest, { stdio: ["pipe", "pipe", "inherit"] });
const stream = acp.ndJsonStream(Writable.toWeb(child.stdin), Readable.toWeb(child.stdout));
const seen = { asked: [], said: [], tools: {}, states: [], stops: [] };
let onUpdate = () => {};
const until = (done) =>
  new Promise((resolve) => {
    onUpdate = () => done() && resolve();
    onUpdate();
  });
const client = acp
  .client({ name: "test", version: "1" })
  .onRequest(acp.methods.client.session.requestPermission, ({ params }) => {
    seen.asked.push(params.options.map((option) => option.kind));
    const { optionId } = params.options.find((option) => option.kind === choice);
    return { outcome: { outcome: "selected", optionId } };
  })
  .onNotification(acp.methods.client.session.update, ({ params: { update } }) => {
    if (update.sessionUpdate === "agent_message_chunk") seen.said.push(update.content.text);
    if (update.sessionUpdate === "agent_message")
      seen.said.push(...(update.content ?? []).map((block) => block.text ?? ""));
    if (update.sessionUpdate === "tool_call_update") {
      seen.tools[update.toolCallId] ??= [];
      if (update.status) seen.tools[update.toolCallId].push(update.status);
    }
    if (update.sessionUpdate === "state_update") {
      seen.states.push(update.state);
      if (update.stopReason) seen.stops.push(update.stopReason);
    }
    onUpdate();
  });
await client.connectWith(stream, async (agent) => {
  const { auth, session, initialize } = acp.methods.agent;
  const hello = await agent.request(initialize, {
    protocolVersion: acp.PROTOCOL_VERSION,
    info: { name: "test", version: "1" },
    capabilities: { auth: { terminal: {} } },
  });
  seen.version = hello.protocolVersion;
  seen.logins = hello.authMethods.map((method) => method.type);
  const opened = await agent.request(session.new, { cwd: process.cwd(), mcpServers: [] });
  const { sessionId } = opened;
  seen.options = opened.configOptions.map((option) => option.configId);
  const ask = (text) => agent.request(session.prompt, { sessionId, prompt: [{ type: "text", text }] });
  await ask("make it");
  await until(() => seen.stops.length === 1);
  const before = seen.said.length;
  await ask("count");
  await until(() => seen.said.slice(before).join("").includes("word"));
  await agent.notify(session.cancel, { sessionId });
  await until(() => seen.stops.length === 2);
  await agent.request(session.close, { sessionId });
  const live = seen.said.splice(0).join("");
  const states = seen.states.splice(0);
  await agent.request(session.resume, {
    sessionId,
    cwd: process.cwd(),
    mcpServers: [],
    replayFrom: { type: "start" },
  });
  const { sessions } = await agent.request(session.list, {});
  Object.assign(seen, { live, replayed: seen.said.join(""), said: undefined, states, resumed: seen.states });
  seen.listed = sessions.some((each) => each.sessionId === sessionId);
  seen.loggedOut = await agent.request(auth.logout, {});
});
child.stdin.end();
await new Promise((resolve) => child.once("exit", resolve));
seen.exit = child.exitCode;
console.log(JSON.stringify(seen));
process.exit(0);
