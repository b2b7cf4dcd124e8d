/** One step from a value to what it contains: a property, an index, or a label like `<entry 3>` that is shown as it is. */
export type PathSegment = string | number | { readonly label: string };

/** Reads as the code that would reach it: `value.items[3].owner`. */
export function formatPath(segments: readonly PathSegment[]): string {
  return `value${segments.map(formatSegment).join('')}`;
}

function formatSegment(segment: PathSegment): string {
  if (typeof segment === 'object') return segment.label;
  if (typeof segment === 'number') return `[${segment}]`;
  return /^[A-Za-z_$][\w$]*$/.test(segment) ? `.${segment}` : `[${JSON.stringify(segment)}]`;
}
