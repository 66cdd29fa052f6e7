import { existsSync, mkdtempSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { Api, ApiError } from "../src/server/api";
import { ServerChild, ServerFailed, isAddress, type Held } from "../src/server/child";
import { CannotStart, Supervisor, type ServerState } from "../src/server/supervisor";
import { HeldServer, leaveNote, takeNote } from "../src/server/takeover";

const address = { url: "http://127.0.0.1:7", token: "t".repeat(30), version: "1", pid: 1 };
const SERVER = `
  const say = (told) => console.log(JSON.stringify(told));
  say(${JSON.stringify(address)});
  require("node:readline").createInterface(process.stdin).on("line", (line) => say(line.includes("bad") ? { error: { code: "no" } } : JSON.parse(line))).on("close", () => process.exit(0));
`;

const launch = (script: string) => ({ command: process.execPath, arguments: ["-e", script], cwd: tmpdir(), env: process.env });

test("a child is started, heard, and ended by the end of its stdin", async () => {
  const child = await ServerChild.start(launch(SERVER), () => {});
  expect(child.address).toEqual(address);
  await child.say({ origins: ["a://b"] });
  await expect(child.say({ bad: 1 })).rejects.toThrow("no");
  await child.release(20);
  expect(await child.ended).toBe("it ended with exit code 0");
  await expect(child.say({})).rejects.toThrow("has ended");
});

test("a child that ends before it answers is told with what it said", async () => {
  const lines: string[] = [];
  const failing = ServerChild.start(launch('console.log("no json"); console.error("No module named agent_chat"); process.exit(1)'), (line) => lines.push(line));
  const error = await failing.catch((caught: unknown) => caught as ServerFailed);
  expect(error).toBeInstanceOf(ServerFailed);
  expect(error).toMatchObject({ message: "The server did not start: it ended with exit code 1.", stderr: expect.stringContaining("agent_chat") });
  expect(lines).toEqual(expect.arrayContaining(["no json", "No module named agent_chat"]));
});

test("a program that is not there is told", async () => {
  await expect(ServerChild.start({ ...launch(""), command: "/none/such" }, () => {})).rejects.toThrow("ENOENT");
});

test("a child that says nothing is given up and ended", async () => {
  await expect(ServerChild.start(launch("setInterval(() => {}, 1000)"), () => {}, 0.2)).rejects.toThrow("within 0.2 seconds");
});

test("a child that is killed is told, and what was said to it fails", async () => {
  const child = await ServerChild.start(launch(`console.log(${JSON.stringify(JSON.stringify(address))}); setInterval(() => {}, 1000)`), () => {});
  const saying = child.say({ never: "answered" });
  const failed = expect(saying).rejects.toThrow("has ended");
  await child.release(0);
  await failed;
  expect(await child.ended).toBe("it was ended by SIGTERM");
});

test("only a server of this machine is one", () => {
  expect(isAddress(address)).toBe(true);
  for (const wrong of [null, 1, {}, { ...address, url: "http://evil.example:1" }, { ...address, url: "http://127.0.0.1:1/x" }, { ...address, token: "" }, { ...address, pid: "1" }]) expect(isAddress(wrong)).toBe(false);
});

test("a note is the user's alone, and read once", () => {
  const file = join(mkdtempSync(join(tmpdir(), "note-")), "server.json");
  leaveNote(file, address);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(takeNote(file)).toEqual(address);
  expect(existsSync(file)).toBe(false);
  expect(takeNote(file)).toBeUndefined();
  writeFileSync(file, "nonsense");
  expect(takeNote(file)).toBeUndefined();
});

test("a server that is gone is not taken over", async () => {
  expect(await HeldServer.take({ ...address, url: "http://127.0.0.1:9" })).toBeUndefined();
});

class FakeServer implements Held {
  readonly address = address;
  die!: (why: string) => void;
  released = 0;
  readonly ended = new Promise<string>((done) => (this.die = done));
  async say(): Promise<void> {}
  async release(): Promise<void> {
    this.released++;
    this.die("it was released");
  }
}

function supervised(open: () => Promise<Held>) {
  const states: ServerState["is"][] = [];
  const words: string[] = [];
  const waits: number[] = [];
  let now = 0;
  const supervisor = new Supervisor({
    open,
    changed: (state) => states.push(state.is),
    restarted: (why) => words.push(why),
    wait: async (milliseconds) => void waits.push(milliseconds),
    now: () => now,
  });
  return { supervisor, states, words, waits, later: (by: number) => (now += by) };
}

const settled = () => new Promise((done) => setTimeout(done, 0));

test("one server is started for all who need it", async () => {
  let opened = 0;
  const { supervisor, states } = supervised(async () => (opened++, new FakeServer()));
  await Promise.all([supervisor.ensure(), supervisor.ensure()]);
  await supervisor.ensure();
  expect(opened).toBe(1);
  expect(states).toEqual(["starting", "running"]);
});

test("a server that dies is started again, with a word", async () => {
  const servers: FakeServer[] = [];
  const { supervisor, words, waits } = supervised(async () => (servers.push(new FakeServer()), servers.at(-1)!));
  await supervisor.ensure();
  servers[0]!.die("it ended with exit code 1");
  await settled();
  expect(servers).toHaveLength(2);
  expect(words).toEqual(["it ended with exit code 1"]);
  expect(waits).toEqual([250]);
  expect(supervisor.state.is).toBe("running");
});

test("a server that dies again and again is given up", async () => {
  const servers: FakeServer[] = [];
  const { supervisor, waits } = supervised(async () => (servers.push(new FakeServer()), servers.at(-1)!));
  await supervisor.ensure();
  for (let deaths = 0; deaths < 6; deaths++) {
    servers.at(-1)!.die("it broke");
    await settled();
  }
  expect(servers).toHaveLength(6);
  expect(waits).toEqual([250, 500, 1000, 2000, 4000]);
  expect(supervisor.state).toMatchObject({ is: "failed", reason: expect.stringContaining("6 times in a row") });
  await supervisor.restart();
  expect(supervisor.state.is).toBe("running");
});

test("deaths that lie far apart do not count together", async () => {
  const servers: FakeServer[] = [];
  const { supervisor, later } = supervised(async () => (servers.push(new FakeServer()), servers.at(-1)!));
  await supervisor.ensure();
  for (let deaths = 0; deaths < 20; deaths++) {
    servers.at(-1)!.die("it broke");
    await settled();
    later(60_000);
  }
  expect(supervisor.state.is).toBe("running");
});

test("why it cannot be started is told, and the next call tries again", async () => {
  let reason: Error | undefined = new CannotStart("no python", true, "/ws/python");
  const { supervisor } = supervised(async () => {
    if (reason) throw reason;
    return new FakeServer();
  });
  await expect(supervisor.ensure()).rejects.toThrow("no python");
  expect(supervisor.state).toEqual({ is: "failed", reason: "no python", isMissing: true, proposed: "/ws/python" });
  reason = undefined;
  await supervisor.ensure();
  expect(supervisor.state.is).toBe("running");
});

test("after the end no server is started, and one that came too late is let go", async () => {
  const server = new FakeServer();
  let finish!: (server: Held) => void;
  const { supervisor } = supervised(() => new Promise<Held>((done) => (finish = done)));
  const opening = supervisor.ensure();
  expect(supervisor.close()).toBeUndefined();
  finish(server);
  await expect(opening).rejects.toThrow("being closed");
  expect(server.released).toBe(1);
  await expect(supervisor.ensure()).rejects.toThrow("being closed");
});

test("a restart ends the server that runs first", async () => {
  const servers: FakeServer[] = [];
  const { supervisor, words } = supervised(async () => (servers.push(new FakeServer()), servers.at(-1)!));
  await supervisor.ensure();
  await supervisor.restart();
  expect(servers.map((server) => server.released)).toEqual([1, 0]);
  await settled();
  expect(words).toEqual([]);
});

let http: Server | undefined;
afterEach(() => http?.close());

test("calls show the token, and errors are told in the server's words", async () => {
  const seen: string[] = [];
  http = createServer((request, answer) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization} ${request.headers["x-client"]}`);
    if (request.method === "GET") answer.end(JSON.stringify({ chats: [] }));
    else answer.writeHead(409).end(JSON.stringify({ error: { code: "already_answered", message: "A tab was first." } }));
  });
  await new Promise<void>((done) => http!.listen(0, "127.0.0.1", done));
  const { port } = http.address() as { port: number };
  const api = new Api(() => ({ ...address, url: `http://127.0.0.1:${port}` }));
  expect(await api.chats()).toEqual([]);
  const error = await api.answer("c", "r", "1").catch((caught: unknown) => caught as ApiError);
  expect(error).toMatchObject({ status: 409, code: "already_answered", message: "A tab was first." });
  expect(seen[0]).toBe(`GET /api/chats?limit=100 Bearer ${address.token} VS Code`);
  await expect(new Api(() => undefined).chats()).rejects.toThrow("does not run");
});
