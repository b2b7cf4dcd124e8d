import {
  Column,
  Entity,
  JoinTable,
  ManyToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type EntityManager,
  type Relation,
} from 'typeorm';
import { describe, expect, it } from 'vitest';
import { openHouse, type CachedRead } from './heard.js';

abstract class Titled {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text' })
  title!: string;

  @ManyToMany('Tag')
  @JoinTable()
  tags!: Tag[];
}

@Entity()
class Tag {
  @PrimaryColumn({ type: 'text' })
  name!: string;

  @ManyToMany('Article', 'topics')
  articles!: Relation<Article[]>;
}

@Entity()
class Article {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text', unique: true })
  slug!: string;

  @ManyToMany(() => Tag, (tag) => tag.articles)
  @JoinTable({ name: 'article_tag' })
  topics!: Tag[];

  @ManyToMany(() => Tag)
  @JoinTable()
  lazy!: Promise<Tag[]>;
}

/** Mapped on the table of a relation. */
@Entity({ name: 'article_tag' })
class ArticleTag {
  @PrimaryColumn({ type: 'int' })
  articleId!: number;

  @PrimaryColumn({ type: 'text' })
  tagName!: string;
}

@Entity()
class Poster extends Titled {}

@Entity()
class Page {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text', unique: true })
  slug!: string;

  @ManyToMany(() => Tag)
  @JoinTable({ joinColumn: { name: 'slug', referencedColumnName: 'slug' } })
  tags!: Tag[];
}

const READS: Readonly<Record<string, CachedRead>> = {
  'the article': {
    entity: Article,
    load: (manager) => manager.findOne(Article, { where: { id: 1 }, relations: { topics: true } }),
  },
  'a list by the relation': {
    entity: Article,
    load: (manager) => manager.find(Article, { where: { topics: { name: 'sale' } } }),
  },
  'a page': {
    entity: Article,
    load: async (manager) => {
      const [items, total] = await manager.findAndCount(Article, { where: { topics: { name: 'sale' } }, take: 10 });
      return { items, total };
    },
  },
  'how many': { entity: Article, load: (manager) => manager.countBy(Article, { topics: { name: 'sale' } }) },
  'none yet': { entity: Article, load: (manager) => manager.findOneBy(Article, { topics: { name: 'sale' } }) },
  'the other side': {
    entity: Tag,
    load: (manager) => manager.findOne(Tag, { where: { name: 'sale' }, relations: { articles: true } }),
  },
  'tags in use': {
    entity: Tag,
    load: (manager) => manager.createQueryBuilder(Tag, 'tag').innerJoin('tag.articles', 'article').getMany(),
  },
};
const NAMES = Object.keys(READS);

async function filled() {
  const house = await openHouse([Tag, Article, ArticleTag, Poster, Page]);
  const { manager } = house;
  await manager.save(manager.create(Tag, { name: 'sale' }));
  for (const slug of ['one', 'two']) await manager.save(manager.create(Article, { slug }));
  await manager.save(manager.create(Poster, { title: 'p' }));
  await manager.save(manager.create(Page, { slug: 'p' }));
  return house;
}

const sale = (manager: EntityManager) => manager.findOneByOrFail(Tag, { name: 'sale' });

describe('a change of a many-to-many relation reaches whatever shows, lists or counts it', () => {
  const writes: Readonly<Record<string, (manager: EntityManager) => Promise<unknown>>> = {
    'save of the owner': async (manager) => {
      const article = await manager.findOneOrFail(Article, { where: { id: 1 }, relations: { topics: true } });
      article.topics = [await sale(manager)];
      await manager.save(article);
    },
    'save of the inverse side': async (manager) => {
      const tag = await manager.findOneOrFail(Tag, { where: { name: 'sale' }, relations: { articles: true } });
      tag.articles = await manager.findBy(Article, { id: 1 });
      await manager.save(tag);
    },
    'add()': (manager) => manager.createQueryBuilder().relation(Article, 'topics').of(1).add('sale'),
    'add() of the inverse side': (manager) => manager.createQueryBuilder().relation(Tag, 'articles').of('sale').add(1),
    'the class on its table': (manager) => manager.insert(ArticleTag, { articleId: 1, tagName: 'sale' }),
    'the class on its table, in a transaction': (manager) =>
      manager.transaction((inside) => inside.save(inside.create(ArticleTag, { articleId: 1, tagName: 'sale' }))),
  };
  it.each(Object.entries(writes))('%s', async (_, write) => {
    const { lostBy, manager } = await filled();
    expect(await lostBy(READS, write)).toEqual(NAMES);
    // and back
    await lostBy(READS, () => manager.createQueryBuilder().relation(Article, 'topics').of(1).remove('sale'));
    await manager.createQueryBuilder().relation(Article, 'topics').of(1).add('sale');
    expect(await lostBy(READS, async () => manager.remove(await sale(manager)))).toEqual(NAMES);
  });

  it('a lazy one', async () => {
    const { lostBy, manager } = await filled();
    const lazy: CachedRead = {
      entity: Article,
      load: (inside) => inside.find(Article, { where: { lazy: { name: 'sale' } } }),
    };
    expect(
      await lostBy({ lazy }, () => manager.createQueryBuilder().relation(Article, 'lazy').of(1).add('sale')),
    ).toEqual(['lazy']);
  });

  it('one that is inherited', async () => {
    const { lostBy, manager } = await filled();
    const posters: CachedRead = {
      entity: Poster,
      load: (inside) => inside.find(Poster, { where: { tags: { name: 'sale' } } }),
    };
    expect(
      await lostBy({ posters }, () => manager.createQueryBuilder().relation(Poster, 'tags').of(1).add('sale')),
    ).toEqual(['posters']);
  });

  it('one that refers to another column than the key', async () => {
    const { lostBy } = await filled();
    const page: CachedRead = {
      entity: Page,
      load: (inside) => inside.findOne(Page, { where: { slug: 'p' }, relations: { tags: true } }),
    };
    const write = async (inside: EntityManager): Promise<void> => {
      const found = await inside.findOneOrFail(Page, { where: { slug: 'p' }, relations: { tags: true } });
      found.tags = [await sale(inside)];
      await inside.save(found);
    };
    expect(await lostBy({ page }, write)).toEqual(['page']);
  });

  it('entries of the class on its table', async () => {
    const { lostBy, manager } = await filled();
    const links: CachedRead = { entity: ArticleTag, load: (inside) => inside.find(ArticleTag) };
    expect(
      await lostBy({ links }, () => manager.createQueryBuilder().relation(Article, 'topics').of(1).add('sale')),
    ).toEqual(['links']);
  });
});
