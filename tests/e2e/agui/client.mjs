// An AG-UI front end without a page: speaks the steps it is given, answers interrupts, and prints what it got as JSON lines.
import { HttpAgent } from "@ag-ui/client";

const { url, token, threadId, steps } = JSON.parse(process.argv[2]);
const headers = { Authorization: `Bearer ${token}` };
const agent = new HttpAgent({ url, headers, threadId });
const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

for (const step of steps) {
  if (step.say) agent.addMessage({ id: crypto.randomUUID(), role: "user", content: step.say });
  const events = [];
  const resume = step.resume
    ? agent.pendingInterrupts.map(({ id }) => ({ interruptId: id, status: "resolved", payload: step.resume }))
    : step.cancel
      ? agent.pendingInterrupts.map(({ id }) => ({ interruptId: id, status: "cancelled" }))
      : undefined;
  const subscriber = {
    onEvent({ event }) {
      events.push(event.type);
      if (step.abortAt === event.type) agent.abortRun();
    },
  };
  try {
    await agent.runAgent({ resume, forwardedProps: step.props }, subscriber);
  } catch (error) {
    tell({ error: String(error) });
    continue;
  }
  tell({ events, interrupts: agent.pendingInterrupts, messages: agent.messages });
}
