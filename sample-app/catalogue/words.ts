export interface CategoryWords {
  readonly name: string;
  readonly nouns: readonly [string, ...string[]];
  /** What things of this category cost at least, in cents. */
  readonly fromCents: number;
}

export const QUALITIES = [
  'Compact',
  'Sturdy',
  'Foldable',
  'Quiet',
  'Classic',
  'Slim',
  'Heavy-Duty',
  'Everyday',
  'Handmade',
  'Waterproof',
] as const;

export const MATERIALS = [
  'Oak',
  'Steel',
  'Copper',
  'Linen',
  'Bamboo',
  'Ceramic',
  'Aluminium',
  'Cork',
  'Glass',
  'Walnut',
] as const;

export const CATEGORIES: readonly [CategoryWords, ...CategoryWords[]] = [
  { name: 'Kitchen', nouns: ['Kettle', 'Chopping Board', 'Saucepan', 'Pepper Mill', 'Bread Bin'], fromCents: 900 },
  { name: 'Lighting', nouns: ['Desk Lamp', 'Floor Lamp', 'Lantern', 'Pendant Light'], fromCents: 1_900 },
  { name: 'Garden Tools', nouns: ['Spade', 'Rake', 'Secateurs', 'Watering Can', 'Trowel'], fromCents: 700 },
  { name: 'Furniture', nouns: ['Stool', 'Bookshelf', 'Side Table', 'Armchair', 'Coat Stand'], fromCents: 4_900 },
  { name: 'Bathroom', nouns: ['Soap Dish', 'Towel Rail', 'Mirror', 'Bath Mat'], fromCents: 600 },
  { name: 'Stationery', nouns: ['Notebook', 'Pen Tray', 'Letter Opener', 'Ruler', 'Paperweight'], fromCents: 300 },
  { name: 'Cycling', nouns: ['Pannier', 'Bell', 'Pump', 'Bottle Cage'], fromCents: 800 },
  { name: 'Camping', nouns: ['Mug', 'Cooking Set', 'Folding Chair', 'Storage Box'], fromCents: 1_100 },
  { name: 'Toys', nouns: ['Spinning Top', 'Train Set', 'Building Blocks', 'Puzzle'], fromCents: 500 },
  { name: 'Music', nouns: ['Metronome', 'Music Stand', 'Recorder', 'Tambourine'], fromCents: 1_500 },
  { name: 'Workshop', nouns: ['Hammer', 'Clamp', 'Spirit Level', 'Tool Box', 'Workbench'], fromCents: 1_200 },
  { name: 'Travel', nouns: ['Suitcase', 'Luggage Tag', 'Wash Bag', 'Flask'], fromCents: 1_000 },
];
