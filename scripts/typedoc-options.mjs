// A plugin for typedoc: an option must say what it does, its unit, its default and its bounds, so one without a comment is a warning.
import { Converter, ReflectionKind } from 'typedoc';

const OPTIONS = /(Options|Policy|Extras)$/;

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    for (const property of project.getReflectionsByKind(ReflectionKind.Property)) {
      if (!property.parent?.kindOf(ReflectionKind.Interface) || !OPTIONS.test(property.parent.name)) continue;
      if (!property.hasComment()) app.logger.warn(`The option ${property.getFullName()} is not documented.`);
    }
  });
}
