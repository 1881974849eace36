/** The element that the page has by this selector. */
export function elementOf(selector: string, within: ParentNode = document): HTMLElement {
  const found = within.querySelector<HTMLElement>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}

/** Writes a text where it is another: a region that is read aloud is, whenever it is written. */
export function write(selector: string, text: string): void {
  const element = elementOf(selector);
  if (element.textContent !== text) element.textContent = text;
}
