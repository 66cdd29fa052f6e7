// One follow state for scrolling: the end is followed until the reader goes elsewhere, and again when he comes back.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { isDrawing } from "./markdown";

const NEAR = 24;
const FRAMES = 12;

/** Where one reads: how far from the end, and what stands there, for heights are not the same when it is drawn anew. */
interface Place {
  end: number;
  text: string;
  top: number;
}

const LENGTH = 80;

/** What stands at the upper edge of an area, and how far it is from there. */
function placeIn(area: HTMLElement, inner: HTMLElement): Place {
  const { left, top, width } = area.getBoundingClientRect();
  const end = Math.round(area.scrollHeight - area.scrollTop);
  for (const step of [8, 24, 40, 64]) {
    const seen = document.elementFromPoint(left + width / 2, top + step)?.closest(".block, .item");
    if (seen && inner.contains(seen)) return { end, text: seen.textContent.slice(0, LENGTH), top: seen.getBoundingClientRect().top - top };
  }
  return { end, text: "", top: 0 };
}

/** Scroll to a place: near it by how far it is from the end, and then to what stands there, the next one of that text. */
function goTo(area: HTMLElement, inner: HTMLElement, { end, text, top }: Place): void {
  area.scrollTop = area.scrollHeight - end;
  if (!text) return;
  const from = area.getBoundingClientRect().top + top;
  let off: number | null = null;
  for (const each of inner.querySelectorAll(".block, .item")) {
    if (each.textContent.slice(0, LENGTH) !== text) continue;
    const away = each.getBoundingClientRect().top - from;
    if (off === null || Math.abs(away) < Math.abs(off)) off = away;
  }
  if (off !== null) area.scrollTop += off;
}

export function useFollow(place: string) {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const following = useSignal(true);
  /** Where one was before, until that is drawn again; null: one is there again, or has gone elsewhere since. */
  const restore = useRef<Place | null>(null);
  const keep = useRef(() => {});
  const toEnd = () => {
    restore.current = null;
    following.value = true;
    const area = scroller.current;
    if (area) area.scrollTop = area.scrollHeight;
  };
  useEffect(() => {
    const area = scroller.current;
    const inner = content.current;
    if (!area || !inner) return;
    const saved = sessionStorage.getItem(`scroll:${place}`);
    restore.current = saved === null ? null : (JSON.parse(saved) as Place);
    following.value = saved === null;
    const isAtEnd = () => area.scrollHeight - area.scrollTop - area.clientHeight <= NEAR;
    const release = () => {
      if (area.scrollHeight <= area.clientHeight + NEAR) return;
      restore.current = null;
      following.value = false;
    };
    const note = () => {
      if (following.value) sessionStorage.removeItem(`scroll:${place}`);
      else if (restore.current === null) sessionStorage.setItem(`scroll:${place}`, JSON.stringify(placeIn(area, inner)));
    };
    const onWheel = (event: WheelEvent) => {
      if (event.deltaY < 0) release();
    };
    const onKey = (event: KeyboardEvent) => {
      if (["PageUp", "ArrowUp", "Home"].includes(event.key)) release();
      if (event.key === "End") toEnd();
    };
    const onSelect = () => {
      const selection = document.getSelection();
      if (selection && !selection.isCollapsed && inner.contains(selection.anchorNode)) release();
    };
    let top = area.scrollTop;
    const onScroll = () => {
      // Upwards one leaves the end also where the browser goes there step by step, the first of which is still near it.
      const isDown = area.scrollTop > top;
      top = area.scrollTop;
      if (!following.value && isDown && restore.current === null && isAtEnd() && document.getSelection()?.isCollapsed !== false) following.value = true;
      note();
    };
    // What is drawn at the end is measured after that, and the list moves by the difference: it is held for some frames.
    let frames = 0;
    const hold = () => {
      if (restore.current !== null) goTo(area, inner, restore.current);
      else if (!following.value) frames = 0;
      else if (!isAtEnd()) area.scrollTop = area.scrollHeight;
      if (frames > 0 && --frames > 0) requestAnimationFrame(hold);
      else if (!isDrawing()) restore.current = null;
    };
    keep.current = () => {
      if (following.value) return;
      restore.current ??= placeIn(area, inner);
      if (frames === 0) requestAnimationFrame(hold);
      frames = FRAMES;
    };
    const grown = new ResizeObserver(() => {
      if (restore.current !== null && inner.offsetHeight > area.clientHeight) {
        goTo(area, inner, restore.current);
        if (frames === 0) requestAnimationFrame(hold);
        frames = FRAMES;
      } else if (following.value || (restore.current === null && area.scrollHeight <= area.clientHeight)) {
        following.value = true;
        area.scrollTop = area.scrollHeight;
        if (frames === 0) requestAnimationFrame(hold);
        frames = FRAMES;
      }
    });
    grown.observe(inner);
    grown.observe(area);
    area.addEventListener("wheel", onWheel, { passive: true });
    area.addEventListener("touchmove", release, { passive: true });
    area.addEventListener("keydown", onKey);
    area.addEventListener("scroll", onScroll, { passive: true });
    document.addEventListener("selectionchange", onSelect);
    return () => {
      grown.disconnect();
      area.removeEventListener("wheel", onWheel);
      area.removeEventListener("touchmove", release);
      area.removeEventListener("keydown", onKey);
      area.removeEventListener("scroll", onScroll);
      document.removeEventListener("selectionchange", onSelect);
    };
  }, [place]);
  /** What is shown is about to be drawn anew: who reads there is left there. */
  const keepPlace = () => keep.current();
  return { scroller, content, following, toEnd, keepPlace };
}
