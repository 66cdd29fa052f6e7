// Runs within the extension host: what no user sees. Resolves: exit code 0; throws: 1.
const assert = require("node:assert/strict");
const vscode = require("vscode");

const ID = "agent-sdk.agent-sdk";
const ACTIVATION_MS = 200;

function restrictedNames(manifest) {
  return new Set(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations);
}

exports.run = async () => {
  const extension = vscode.extensions.getExtension(ID);
  assert.ok(extension, "it is installed");
  assert.equal(extension.isActive, false, "it does not start with the window");

  const begun = performance.now();
  const exported = await extension.activate();
  const took = performance.now() - begun;
  console.log(`activation: ${took.toFixed(1)} ms, of which ${exported.activationMs.toFixed(1)} ms its own`);
  assert.ok(exported.activationMs < ACTIVATION_MS, `its activation took ${exported.activationMs} ms`);
  assert.equal(exported.status(), "stopped", "activation starts no server");

  const manifest = extension.packageJSON;
  const registered = new Set(await vscode.commands.getCommands(true));
  for (const { command } of manifest.contributes.commands) assert.ok(registered.has(command), command);
  for (const { command } of manifest.contributes.keybindings) assert.ok(registered.has(command), command);

  const properties = manifest.contributes.configuration.properties;
  const settings = vscode.workspace.getConfiguration("agentSdk");
  for (const name of ["python", "command", "claudePath", "codexPath", "store"]) {
    assert.equal(properties[`agentSdk.${name}`].scope, "machine", name);
    assert.ok(restrictedNames(manifest).has(`agentSdk.${name}`), name);
    await assert.rejects(async () => settings.update(name, "/evil", vscode.ConfigurationTarget.Workspace), name);
    assert.notEqual(settings.get(name), "/evil", "a settings file of the workspace does not count");
  }
  for (const name of ["backend", "model", "reasoningEffort", "permissionMode", "sandbox", "requestTimeout"]) {
    assert.ok(`agentSdk.${name}` in properties, name);
    assert.ok(restrictedNames(manifest).has(`agentSdk.${name}`), name);
  }

  await vscode.commands.executeCommand("agentSdk.open");
  const until = Date.now() + 60_000;
  while (exported.status() !== "running" || !exported.contextKeys()["agentSdk.chatVisible"]) {
    assert.ok(Date.now() < until, `the server is ${exported.status()}`);
    await new Promise((done) => setTimeout(done, 50));
  }
  const keys = exported.contextKeys();
  assert.deepEqual(
    { running: keys["agentSdk.running"], waiting: keys["agentSdk.waiting"], server: keys["agentSdk.serverRunning"] },
    { running: false, waiting: false, server: true },
  );

  await vscode.commands.executeCommand("agentSdk.reportProblem");
  const report = vscode.window.activeTextEditor.document.getText();
  assert.match(report, /- extension: \d+\.\d+\.\d+/);
  assert.match(report, /- python: set/);
  assert.match(report, /- server: running/);

  const failing = process.env.AGENT_SDK_TEST_FAILS;
  assert.equal(failing, undefined, "a test that fails is told");
};
