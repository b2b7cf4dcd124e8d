import { BadRequestException, type PipeTransform } from '@nestjs/common';

const GREATEST_ID = 2 ** 31 - 1;

/** Text to a number that the column can hold; anything else is the caller's mistake, not the database's. */
export class ProductIdPipe implements PipeTransform<string, number> {
  transform(text: string): number {
    const id = /^\d+$/.test(text) ? Number(text) : 0;
    if (id < 1 || id > GREATEST_ID)
      throw new BadRequestException(
        `A product's id is a whole number from 1 to ${GREATEST_ID}, but this one is '${text}'`,
      );
    return id;
  }
}
