// One follow state for scrolling: the end is followed until the reader goes elsewhere, and again when he comes back.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { isDrawing } from "./markdown";

const NEAR = 24;
const FRAMES = 12;

export function useFollow(place: string) {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const following = useSignal(true);
  /** Where one was before, counted from the end; null: one is there again, or has gone elsewhere since. */
  const restore = useRef<number | null>(null);
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
    restore.current = saved === null ? null : Number(saved);
    following.value = saved === null;
    const isAtEnd = () => area.scrollHeight - area.scrollTop - area.clientHeight <= NEAR;
    const release = () => {
      if (area.scrollHeight <= area.clientHeight + NEAR) return;
      restore.current = null;
      following.value = false;
    };
    const note = () => {
      if (following.value) sessionStorage.removeItem(`scroll:${place}`);
      else sessionStorage.setItem(`scroll:${place}`, String(Math.round(area.scrollHeight - area.scrollTop)));
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
      if (!following.value) frames = 0;
      else if (!isAtEnd()) area.scrollTop = area.scrollHeight;
      if (frames > 0 && --frames > 0) requestAnimationFrame(hold);
    };
    const grown = new ResizeObserver(() => {
      if (restore.current !== null && inner.offsetHeight > area.clientHeight) {
        area.scrollTop = area.scrollHeight - restore.current;
        if (!isDrawing()) restore.current = null;
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
  return { scroller, content, following, toEnd };
}
