import { dirname, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { roomOf } from './rooms.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function fits(pattern, name) {
  if (pattern.endsWith('*')) return name.startsWith(pattern.slice(0, -1));
  return name === pattern || name.startsWith(`${pattern}/`);
}

/** What is wrong with `from` importing `specifier`, or undefined. */
function complaint(from, specifier, dynamic) {
  const room = roomOf(from);
  if (room === undefined) return undefined;
  if (!specifier.startsWith('.')) {
    return room.packages.some((pattern) => fits(pattern, specifier))
      ? undefined
      : `Room "${room.name}" may not import the package "${specifier}".`;
  }
  const target = posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts');
  const other = roomOf(target);
  if (other === undefined) return `"${target}" is in no room: give it one in eslint-rules/rooms.mjs.`;
  if (other === room && room.name !== 'entry') return undefined;
  if (room.may.includes(other.name) || (dynamic && room.mayLoad?.includes(other.name))) return undefined;
  const only = room.mayLoad?.includes(other.name) ? ' except by import()' : '';
  return `Room "${room.name}" may not import room "${other.name}"${only}.`;
}

/** Imports go only along the arrows of rooms.mjs. Types count too: what a room knows, it depends on. */
export const arrows = {
  meta: { type: 'problem', schema: [], docs: { description: 'imports go only along the arrows between the rooms' } },
  create(context) {
    const from = relative(root, context.filename).split(sep).join('/');
    const room = roomOf(from);
    if (room === undefined) {
      if (!from.startsWith('lib/')) return {};
      return {
        Program(node) {
          context.report({ node, message: `"${from}" is in no room: give it one in eslint-rules/rooms.mjs.` });
        },
      };
    }
    if (room.free) return {};
    const check = (source, dynamic) => {
      if (source?.type !== 'Literal' || typeof source.value !== 'string') return;
      const message = complaint(from, source.value, dynamic);
      if (message !== undefined) context.report({ node: source, message });
    };
    const declaration = ({ source }) => {
      check(source, false);
    };
    return {
      ImportDeclaration: declaration,
      ExportNamedDeclaration: declaration,
      ExportAllDeclaration: declaration,
      ImportExpression({ source }) {
        check(source, true);
      },
      // The type `import('…')`: a static arrow like any other.
      TSImportType({ source }) {
        check(source, false);
      },
    };
  },
};
