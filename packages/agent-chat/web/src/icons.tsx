// Icons of lucide as components; they say nothing by themselves, so screen readers pass over them.

import * as shapes from "lucide";
import type { IconNode } from "lucide";
import { h } from "preact";

interface Props {
  size?: number;
  class?: string;
  fill?: string;
}

function icon(parts: IconNode) {
  return ({ size = 16, class: name = "", fill = "none" }: Props) => (
    <svg
      class={name}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill={fill}
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {parts.map(([tag, attributes], index) => h(tag, { key: index, ...attributes } as object))}
    </svg>
  );
}

export type Icon = ReturnType<typeof icon>;
export const Archive = icon(shapes.Archive);
export const ArrowDown = icon(shapes.ArrowDown);
export const Bell = icon(shapes.Bell);
export const Bot = icon(shapes.Bot);
export const Braces = icon(shapes.Braces);
export const Brain = icon(shapes.Brain);
export const Check = icon(shapes.Check);
export const ChevronRight = icon(shapes.ChevronRight);
export const Circle = icon(shapes.Circle);
export const CircleCheck = icon(shapes.CircleCheck);
export const CircleDot = icon(shapes.CircleDot);
export const CircleSlash = icon(shapes.CircleSlash);
export const CircleX = icon(shapes.CircleX);
export const ClipboardList = icon(shapes.ClipboardList);
export const Copy = icon(shapes.Copy);
export const CornerDownRight = icon(shapes.CornerDownRight);
export const Cpu = icon(shapes.Cpu);
export const ExternalLink = icon(shapes.ExternalLink);
export const FileDiff = icon(shapes.FileDiff);
export const FileMinus = icon(shapes.FileMinus);
export const FilePenLine = icon(shapes.FilePenLine);
export const FileSearch = icon(shapes.FileSearch);
export const FileSymlink = icon(shapes.FileSymlink);
export const FileText = icon(shapes.FileText);
export const FoldVertical = icon(shapes.FoldVertical);
export const Gauge = icon(shapes.Gauge);
export const GitBranch = icon(shapes.GitBranch);
export const Globe = icon(shapes.Globe);
export const Hand = icon(shapes.Hand);
export const ImagePlus = icon(shapes.ImagePlus);
export const ListChecks = icon(shapes.ListChecks);
export const ListPlus = icon(shapes.ListPlus);
export const ListTree = icon(shapes.ListTree);
export const LoaderCircle = icon(shapes.LoaderCircle);
export const Menu = icon(shapes.Menu);
export const MessageCircleQuestionMark = icon(shapes.MessageCircleQuestionMark);
export const MessageSquarePlus = icon(shapes.MessageSquarePlus);
export const Pencil = icon(shapes.Pencil);
export const Play = icon(shapes.Play);
export const Plug = icon(shapes.Plug);
export const RefreshCw = icon(shapes.RefreshCw);
export const RotateCcw = icon(shapes.RotateCcw);
export const ShieldQuestionMark = icon(shapes.ShieldQuestionMark);
export const Search = icon(shapes.Search);
export const SendHorizontal = icon(shapes.SendHorizontal);
export const ShieldAlert = icon(shapes.ShieldAlert);
export const Square = icon(shapes.Square);
export const SquareTerminal = icon(shapes.SquareTerminal);
export const Trash2 = icon(shapes.Trash2);
export const Settings2 = icon(shapes.Settings2);
export const Undo2 = icon(shapes.Undo2);
export const Wrench = icon(shapes.Wrench);
export const X = icon(shapes.X);
