import type { Rule } from 'eslint';

export declare const arrows: Rule.RuleModule;
