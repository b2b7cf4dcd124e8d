import { createHash } from 'node:crypto';

/** Why a text is no path of a parent node, as the rest of a sentence; undefined when it is one. */
export function explainBadPath(path: string): string | undefined {
  if (!path.startsWith('/')) return "does not begin with '/'";
  if (path.endsWith('/')) return "ends with '/'";
  if (path.length > 255) return `is ${path.length} characters long, and 255 are allowed`;
  const segments = path.slice(1).split('/');
  if (segments.includes('')) return "contains '//'";
  if (segments.some((segment) => segment === '.' || segment === '..')) return "contains '.' or '..'";
  if (segments[0] === 'zookeeper') return "lies below '/zookeeper', which belongs to ZooKeeper itself";
  if (!/^[\x21-\x7e]+$/.test(path)) return 'contains a blank, a control character or a letter beyond ASCII';
  return undefined;
}

/**
 * The node of a key's lock. The key is hashed, because keys are longer, and contain more, than a node's name may (a NUL would cut the path short, a lone surrogate
 * is refused, and a path of a megabyte breaks the connection); SHA-256 keeps two keys apart. UTF-16 is hashed, not UTF-8, in which lone surrogates would all look the same.
 */
export function lockNodePath(parent: string, key: string): string {
  return `${parent}/${createHash('sha256').update(Buffer.from(key, 'utf16le')).digest('base64url')}`;
}

/** The node above; `''` above a node of the first level. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}
