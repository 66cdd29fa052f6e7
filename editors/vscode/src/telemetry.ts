// Telemetry: this extension sends none. Agents send theirs only where VS Code's and our own setting are both on.

const OFF: Record<string, string> = {
  DISABLE_TELEMETRY: "1",
  DISABLE_ERROR_REPORTING: "1",
  DO_NOT_TRACK: "1",
  OTEL_SDK_DISABLED: "true",
};

/** The variables that keep agents from sending telemetry; none where they may. */
export function telemetryVariables(isEditorsOn: boolean, isOursOn: boolean): Record<string, string> {
  return isEditorsOn && isOursOn ? {} : OFF;
}
