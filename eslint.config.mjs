import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

import { arrows } from './eslint-rules/arrows.mjs';

const time = 'Time and chance come through the Clock (lib/core/clock.ts), so that tests can stage them.';
const timers = ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'];
const clocks = [
  ['Date', 'now'],
  ['Math', 'random'],
  ['performance', 'now'],
  ['process', 'hrtime'],
];

export default defineConfig(
  globalIgnores(['dist', 'coverage']),
  { linterOptions: { reportUnusedDisableDirectives: 'error', noInlineConfig: true } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    plugins: { house: { rules: { arrows } } },
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      'house/arrows': 'error',
      'no-console': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      // A false alarm on the options that NestFactory takes.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // It asks for the `!` that no-non-null-assertion forbids.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      // `async` without `await` keeps a promise: what is thrown becomes a rejection.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/dot-notation': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        {
          argsIgnorePattern: '^_',
          varsIgnorePattern: '^_',
          destructuredArrayIgnorePattern: '^_',
          ignoreRestSiblings: true,
        },
      ],
    },
  },
  {
    files: ['lib/core/**/*.ts'],
    ignores: ['lib/core/clock.ts'],
    rules: {
      'no-restricted-globals': ['error', ...timers.map((name) => ({ name, message: time }))],
      'no-restricted-properties': [
        'error',
        ...clocks.map(([object, property]) => ({ object, property, message: time })),
      ],
      'no-restricted-syntax': [
        'error',
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: time },
      ],
    },
  },
  {
    files: ['test/**/*.ts', 'lib/testing/**/*.ts'],
    rules: {
      // Cases are methods of a table, whose type says it all; classes in tests carry a decorator or a name and nothing else.
      '@typescript-eslint/unbound-method': 'off',
      // A test fails where `!` is wrong, and `expect.any()` is `any`.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      '@typescript-eslint/no-extraneous-class': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector:
            "CallExpression[callee.property.name=/^waitFor|^waitUntil/][callee.object.name='vi'][arguments.length<2]",
          message: 'Left out, the limit is a second, which a busy machine exceeds: wait generously, such as 30_000.',
        },
        {
          selector:
            "CallExpression[callee.property.name=/^waitFor|^waitUntil/][callee.object.name='vi'] > ObjectExpression.arguments:not(:has(Property[key.name='timeout']))",
          message: 'Without a timeout the limit is a second, which a busy machine exceeds: wait generously.',
        },
      ],
    },
  },
  {
    files: ['**/*.mjs'],
    rules: { 'no-unused-vars': 'error', 'no-undef': 'off', 'no-var': 'error', 'prefer-const': 'error' },
  },
);
