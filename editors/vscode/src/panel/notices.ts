// Notices in place of the page: the server starts, cannot be started, or has ended too often.

import type { ServerState } from "../server/supervisor";
import type { Action, Notice } from "./protocol";

const LOG = { label: "Show the log", action: "showLog" as Action };

export function noticeOf(state: ServerState): Notice {
  switch (state.is) {
    case "stopped":
      return { title: "The server does not run", text: "It is started when it is needed.", isBusy: false, actions: [{ label: "Start it", action: "restart" }, LOG] };
    case "starting":
      return { title: "Starting", text: "The server is being started …", isBusy: true, actions: [] };
    case "running":
      return { title: "Connecting", text: "The page is being connected …", isBusy: true, actions: [] };
    case "failed": {
      if (!state.isMissing)
        return { title: "The server could not be started", text: state.reason, isBusy: false, actions: [{ label: "Try again", action: "restart" }, LOG, { label: "Report a problem", action: "reportProblem" }] };
      const actions: Notice["actions"] = [];
      if (state.proposed) actions.push({ label: `Use ${state.proposed}`, action: "useProposed" });
      actions.push({ label: "Install agent-sdk", action: "install" }, { label: "Choose a Python environment", action: "selectPython" }, { label: "Try again", action: "restart" });
      return { title: "agent-sdk was not found", text: state.reason, isBusy: false, actions };
    }
  }
}
