// A session of acpx's runtime, in which every permission is answered in one way: `node … ACPX OUTCOME COMMAND…`.
// Each further line of stdin is a prompt; each line of stdout says how its turn ended, and how often it asked.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [runtimePath, outcome, state, ...command] = process.argv.slice(2);
const { createAcpRuntime, createFileSessionStore } = await import(pathToFileURL(runtimePath).href);
let asked = 0;
const runtime = createAcpRuntime({
  cwd: process.cwd(),
  sessionStore: createFileSessionStore({ stateDir: state }),
  agentRegistry: { resolve: () => command, list: () => ["ours"] },
  permissionMode: "deny-all",
  onPermissionRequest: async () => {
    asked += 1;
    return { outcome };
  },
});
const handle = await runtime.ensureSession({ sessionKey: "one", agent: "ours", mode: "persistent" });
for await (const text of createInterface({ input: process.stdin })) {
  let said = "";
  let end = {};
  for await (const event of runtime.runTurn({ handle, text, mode: "prompt", requestId: text })) {
    if (event.type === "text_delta") said += event.text;
    if (event.type === "done" || event.type === "error") end = event;
  }
  console.log(JSON.stringify({ said, asked, end }));
}
await runtime.close({ handle, reason: "done" });
process.exit(0);
