export function takeCoverage(): void;
