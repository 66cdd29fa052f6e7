// The chart itself, in a chunk of its own.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { TurnUse } from "./model";

export function draw(place: HTMLElement, turns: TurnUse[]): uPlot {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const axis = { stroke: color("dim"), grid: { stroke: color("line"), width: 1 }, ticks: { stroke: color("line"), width: 1 } };
  const bars = uPlot.paths.bars!({ size: [0.6, 40] });
  const costs = turns.some((turn) => turn.cost !== null);
  const options: uPlot.Options = {
    width: place.clientWidth - 16,
    height: 220,
    cursor: { y: false },
    legend: { live: false },
    scales: { x: { time: false, range: [0, turns.length + 1] }, y: { range: (_chart, _low, high) => [0, Math.max(high, 1) * 1.1] }, cost: { range: (_chart, _low, high) => [0, Math.max(high, 0.001) * 1.1] } },
    axes: [
      { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100], values: (_chart, values) => values.map((value) => (Number.isInteger(value) && value > 0 && value <= turns.length ? String(value) : "")) },
      { ...axis, size: 56, values: (_chart, values) => values.map((value) => (value >= 1000 ? `${value / 1000}k` : String(value))) },
      ...(costs ? [{ ...axis, scale: "cost", side: 1 as const, size: 76, grid: { show: false }, values: (_chart: uPlot, values: number[]) => values.map((value) => `$${Number(value.toFixed(4))}`) }] : []),
    ],
    series: [
      { label: "Turn" },
      { label: "Tokens in", fill: color("blue-soft"), stroke: color("blue"), paths: bars, points: { show: false } },
      { label: "Tokens out", fill: color("amber-soft"), stroke: color("amber"), paths: bars, points: { show: false } },
      ...(costs ? [{ label: "Cost so far", scale: "cost", stroke: color("green"), width: 2 }] : []),
    ],
  };
  const data = [turns.map((_, index) => index + 1), turns.map((turn) => turn.input + turn.output), turns.map((turn) => turn.output)];
  return new uPlot(options, [...data, ...(costs ? [turns.map((turn) => turn.cost)] : [])] as uPlot.AlignedData, place);
}
