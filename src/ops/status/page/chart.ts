import type uPlotClass from "uplot";
import { formatFigure, formatTime } from "../format.ts";
import { colourOf, type Line, type Panel } from "../panels.ts";
import type { Samples, Value } from "./samples.ts";
import { decadesOf, loneliesOf, shownTimes, stepsOf, toLogarithms, topOf } from "./ticks.ts";

declare const uPlot: typeof uPlotClass;

/** A chart on the page. */
export interface Chart {
  draw(samples: Samples): void;
  /** Takes the width of its place, and the colours of the page as they are now. */
  fit(): void;
}

/** What a chart is told. */
export interface ChartOptions {
  readonly panel: Panel;
  readonly place: HTMLElement;
  /** How much time is shown. */
  readonly windowMs: number;
  /** The pointer is at this sample; null: at none. */
  readonly onPoint: (index: number | null) => void;
}

/** Puts a chart into its place. All charts follow one pointer. */
export function createChart(options: ChartOptions): Chart {
  const { panel, place, windowMs, onPoint } = options;
  const { lines, isLogarithmic = false } = panel;
  const plot = new uPlot(
    {
      width: place.clientWidth,
      height: heightPx,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: "status" },
        y: false,
        drag: { x: false, y: false },
        points: { size: 6 },
      },
      scales: {
        x: { range: ({ data: [times] }) => shownTimes(times, windowMs / 1000) },
        y: { range: (_plot, least, most) => rangeOf(panel, least, most) },
      },
      axes: axesOf(panel, getComputedStyle(place).fontFamily),
      series: [{}, ...lines.map(seriesOf)],
      hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? null)] },
    },
    [[], ...lines.map(() => [])],
    place,
  );

  return {
    draw(samples) {
      const times = samples.times().map((timeMs) => timeMs / 1000);
      const columns = lines.map(({ figure }) => samples.column(figure));
      plot.setData([times, ...(isLogarithmic ? columns.map(toLogarithms) : columns.map(toCopy))]);
    },
    fit() {
      plot.setSize({ width: place.clientWidth, height: heightPx });
    },
  };
}

// --- internal ---

/** How much larger than usual the page's type is. */
const scale = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
const heightPx = Math.round(130 * scale);

function rangeOf(
  { unit, isLogarithmic = false, top }: Panel,
  least: number | null,
  most: number | null,
): [number, number] {
  return isLogarithmic ? decadesOf(least, most) : [0, top ?? topOf(unit, most)];
}

function axesOf({ unit, isLogarithmic = false }: Panel, fontFamily: string): uPlotClass.Axis[] {
  const axis = {
    stroke: () => colour("quiet"),
    grid: { stroke: () => colour("line"), width: 1 },
    ticks: { show: false },
    font: `${11 * scale}px ${fontFamily}`,
    gap: 4,
  };
  const valueOf = (tick: number): number => (isLogarithmic ? 10 ** tick : tick);
  return [
    {
      ...axis,
      size: 24 * scale,
      space: 48 * scale,
      incrs: [60, 120, 300],
      values: (_plot, ticks) => ticks.map(toMinute),
    },
    {
      ...axis,
      size: 60 * scale,
      space: 20 * scale,
      incrs: isLogarithmic ? [1, 2, 3] : stepsOf(unit),
      values: (_plot, ticks) => ticks.map((tick) => formatFigure(valueOf(tick), unit)),
    },
  ];
}

function seriesOf(line: Line, index: number): uPlotClass.Series {
  return {
    stroke: () => colour(colourOf(line, index)),
    width: 1.5,
    points: {
      show: true,
      size: 4,
      filter: ({ data }, series) => loneliesOf(data[series] ?? []),
    },
  };
}

/** A colour of the style sheet, in the light or in the dark. */
function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);
}

/** `07:10`. */
function toMinute(seconds: number): string {
  return formatTime(seconds * 1000).slice(0, "00:00".length);
}

function toCopy(values: readonly Value[]): Value[] {
  return [...values];
}
