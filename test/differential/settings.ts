/** What the library does not do yet, and is not asked for. */
export const SETTINGS = {
  /** `entity: [Article, User]`, for answers that depend on an entity which they do not show. */
  severalEntities: false,
  /** `save(…, { listeners: false })`, of which TypeORM tells nobody. */
  withoutListeners: false,
};
