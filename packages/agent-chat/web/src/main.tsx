import { render } from "preact";
import { App } from "./app";
import { hosted } from "./hosted";
import { findHost } from "./host";
import { start } from "./state";
import "./styles.css";

void findHost().then((embedding) => {
  render(<App />, document.getElementById("app")!);
  void start();
  if (embedding) hosted(embedding);
});
