/** Port: a value to text and back. The text is what travels to the store; a decoded value is always a copy of its own. */
export abstract class EntryCodec {
  /** @throws UnserializableValueError when the value would not come back as it went in */
  abstract encode(value: unknown): string;

  /**
   * @throws CorruptEntryError when the text was not written by `encode`, or was cut short
   * @throws OtherShapeError when it contains an instance of a class that is not known here, or that has another shape here
   */
  abstract decode(payload: string): unknown;
}
