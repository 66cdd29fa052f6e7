// The history of a chat: all of it where it is short, and what lies near the reader's eye where it is long.

import {
  elementScroll, measureElement, observeElementOffset, observeElementRect, Virtualizer, type VirtualizerOptions,
} from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Item, Thread } from "./model";
import { draw } from "./transcript";

/** Items up to which all are drawn: then the browser finds text in all of them. */
const MANY = 150;
const GAP = 12;

type Rows = Virtualizer<HTMLDivElement, HTMLDivElement>;

export function History({ thread, scroller }: { thread: Thread; scroller: RefObject<HTMLDivElement | null> }) {
  const items = thread.items.value;
  return items.length > MANY ? <Window items={items} scroller={scroller} /> : <>{items.map(draw)}</>;
}

function Window({ items, scroller }: { items: Item[]; scroller: RefObject<HTMLDivElement | null> }) {
  const place = useRef<HTMLDivElement>(null);
  const [, redraw] = useState(0);
  const known = useRef<Rows | null>(null);
  const margin = place.current?.offsetTop ?? 0;
  const options: VirtualizerOptions<HTMLDivElement, HTMLDivElement> = {
    count: items.length,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => items[index]?.key ?? index,
    estimateSize: () => 90,
    gap: GAP,
    overscan: 12,
    scrollMargin: margin,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    measureElement,
    onChange: () => redraw((count) => count + 1),
  };
  const rows = (known.current ??= new Virtualizer(options));
  rows.setOptions(options);
  useLayoutEffect(() => rows._didMount(), [rows]);
  useLayoutEffect(() => rows._willUpdate());
  const shown = rows.getVirtualItems();
  const above = shown.length ? shown[0]!.start - margin : 0;
  const below = shown.length ? rows.getTotalSize() - (shown[shown.length - 1]!.end - margin) : rows.getTotalSize();
  return (
    <div class="window" ref={place} style={{ paddingTop: `${above}px`, paddingBottom: `${Math.max(0, below)}px` }}>
      {shown.map((row) => (
        <div key={row.key} class="place" data-index={row.index} ref={rows.measureElement}>
          {draw(items[row.index]!)}
        </div>
      ))}
    </div>
  );
}
