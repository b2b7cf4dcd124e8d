import {
  Column,
  DeleteDateColumn,
  Entity,
  EntitySchema,
  JoinColumn,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryGeneratedColumn,
  RelationId,
  ViewEntity,
  ViewColumn,
  type Relation,
} from 'typeorm';
import { describe, expect, it } from 'vitest';
import { openHouse, type CachedRead } from './heard.js';

class Media {
  @Column({ type: 'int', default: 0 })
  views!: number;

  @OneToMany('Picture', 'post')
  pictures!: Relation<Picture[]>;

  @OneToOne('Cover', 'post')
  cover!: Relation<Cover> | null;
}

@Entity()
class Author {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text' })
  name!: string;

  @DeleteDateColumn({ type: 'datetime', nullable: true })
  deletedAt!: Date | null;
}

@Entity()
class Post {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column(() => Media)
  media!: Media;

  @OneToMany('Remark', 'post')
  remarks!: Relation<Remark[]>;

  @RelationId((post: Post) => post.remarks)
  remarkIds!: number[];

  @OneToOne('Badge', 'post')
  badge!: Relation<Badge> | null;

  @Column({ type: 'int', nullable: true })
  authorId!: number | null;

  @ManyToOne(() => Author, { onDelete: 'SET NULL' })
  @JoinColumn({ name: 'authorId' })
  author!: Author | null;
}

@Entity()
class Picture {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @ManyToOne(() => Post, (post) => post.media.pictures, { onDelete: 'CASCADE' })
  post!: Post;
}

@Entity()
class Cover {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @OneToOne(() => Post, (post) => post.media.cover)
  @JoinColumn()
  post!: Post;
}

@Entity()
class Badge {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @OneToOne(() => Post, (post) => post.badge)
  @JoinColumn()
  post!: Post;

  /** Nobody sees to it that there is such an author. */
  @Column({ type: 'int', nullable: true })
  giverId!: number | null;

  @ManyToOne(() => Giver, { createForeignKeyConstraints: false })
  @JoinColumn({ name: 'giverId' })
  giver!: Relation<Giver> | null;
}

@Entity()
class Giver {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;
}

@Entity()
class Remark {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @ManyToOne(() => Post, (post) => post.remarks)
  post!: Post;
}

/** A second class on the table of the authors. */
@Entity({ name: 'author' })
class Writer {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text' })
  name!: string;
}

@ViewEntity({
  expression: 'SELECT "authorId" AS "author", COUNT(*) AS "posts" FROM post GROUP BY "authorId"',
  dependsOn: [Post],
})
class PostsByAuthor {
  @ViewColumn()
  author!: number;

  @ViewColumn()
  posts!: number;
}

@ViewEntity({ expression: 'SELECT COUNT(*) AS "posts" FROM post' })
class PostCount {
  @ViewColumn()
  posts!: number;
}

async function filled(cache = {}) {
  const house = await openHouse(
    [Author, Post, Picture, Cover, Badge, Giver, Remark, Writer, PostsByAuthor, PostCount],
    { cache },
  );
  const { manager } = house;
  for (const name of ['ada', 'bob']) await manager.save(manager.create(Author, { name }));
  await manager.save(manager.create(Post, { media: { views: 1 }, authorId: 1 }));
  return house;
}

const post = { id: 1 } as Post;
const one = (relations: object): CachedRead => ({
  entity: Post,
  load: (manager) => manager.findOne(Post, { where: { id: 1 }, relations }),
});

describe('what an entry shows of rows that it does not hold', () => {
  it('relations inside an embedded object', async () => {
    const { lostBy, manager } = await filled();
    const reads = { post: one({ media: { pictures: true, cover: true } }) };
    expect(await lostBy(reads, () => manager.save(manager.create(Picture, { post })))).toEqual(['post']);
    expect(await lostBy(reads, () => manager.save(manager.create(Cover, { post })))).toEqual(['post']);
  });

  it('the keys of related rows (@RelationId), their keys in the place of rows, and their number', async () => {
    const { lostBy, manager } = await filled();
    const reads: Record<string, CachedRead> = {
      relationId: one({}),
      loadRelationIds: {
        entity: Post,
        load: (inside) => inside.findOne(Post, { where: { id: 1 }, loadRelationIds: true }),
      },
      count: {
        entity: Post,
        load: async (inside) => {
          const found = await inside.findOneByOrFail(Post, { id: 1 });
          // as loadRelationCountAndMap() leaves it
          return Object.assign(found, { pictureCount: await inside.countBy(Picture, { post: { id: 1 } }) });
        },
      },
    };
    expect(await lostBy(reads, () => manager.save(manager.create(Remark, { post })))).toEqual(Object.keys(reads));
    expect(await lostBy(reads, () => manager.save(manager.create(Picture, { post })))).toContain('count');
  });

  it('the key of a row on the other side, in the place of the row', async () => {
    const { lostBy, manager } = await filled();
    await manager.save(manager.create(Post, { media: { views: 1 } }));
    await manager.save(manager.create(Badge, { post }));
    const ids: CachedRead = {
      entity: Post,
      load: (inside) => inside.findOne(Post, { where: { id: 1 }, loadRelationIds: true }),
    };
    expect(await lostBy({ ids }, () => manager.save(Badge, { id: 1, post: { id: 2 } }))).toEqual(['ids']);
  });

  it('a related row that may be missing, and appears', async () => {
    const { lostBy, manager } = await filled();
    await manager.save(manager.create(Badge, { post, giverId: 1 }));
    const badge: CachedRead = {
      entity: Badge,
      load: (inside) => inside.findOne(Badge, { where: { id: 1 }, relations: { giver: true } }),
    };
    expect(await lostBy({ badge }, () => manager.save(manager.create(Giver, { id: 1 })))).toEqual(['badge']);
  });

  it('a related row that comes back, of which the entry holds null', async () => {
    const { lostBy, manager } = await filled();
    await manager.softDelete(Author, { id: 1 });
    const deleted = await manager.findOneOrFail(Author, { where: { id: 1 }, withDeleted: true });
    expect(await lostBy({ post: one({ author: true }) }, () => manager.recover(deleted))).toEqual(['post']);
  });

  it('what the database does when a row is removed', async () => {
    const { lostBy, manager } = await filled();
    await manager.save(manager.create(Picture, { post }));
    const reads: Record<string, CachedRead> = {
      'loses its reference': one({}),
      'goes with it': { entity: Picture, load: (inside) => inside.findOneBy(Picture, { id: 1 }) },
    };
    expect(await lostBy(reads, async () => manager.remove(await manager.findOneByOrFail(Author, { id: 1 })))).toEqual([
      'loses its reference',
    ]);
    expect(await lostBy(reads, async () => manager.remove(await manager.findOneByOrFail(Post, { id: 1 })))).toEqual(
      Object.keys(reads),
    );
  });

  it('rows of an entity without a class, which are plain objects', async () => {
    const label = new EntitySchema<{ id: number; name: string }>({
      name: 'Label',
      columns: { id: { type: 'int', primary: true }, name: { type: 'text' } },
    });
    class Town {
      id!: number;
      label!: object;
    }
    const town = new EntitySchema<Town>({
      name: 'Town',
      target: Town,
      columns: { id: { type: 'int', primary: true } },
      relations: { label: { type: 'many-to-one', target: 'Label' } },
    });
    const { lostBy, manager } = await openHouse([label, town]);
    await manager.save('Label', { id: 1, name: 'a' });
    await manager.save(Town, { id: 1, label: { id: 1 } });
    const read: CachedRead = {
      entity: Town,
      load: (inside) => inside.findOne(Town, { where: { id: 1 }, relations: { label: true } }),
    };
    expect(await lostBy({ read }, () => manager.save('Label', { id: 1, name: 'b' }))).toEqual(['read']);
  });

  it('a row that a query has mapped onto a property of its own', async () => {
    const { lostBy, manager } = await filled();
    await manager.save(manager.create(Picture, { post }));
    const latest: CachedRead = {
      entity: Post,
      load: (inside) =>
        inside
          .createQueryBuilder(Post, 'p')
          .leftJoinAndMapOne('p.latest', 'p.media.pictures', 'r', 'r.id = (SELECT MAX(x.id) FROM picture x)')
          .getOne(),
    };
    expect(await lostBy({ latest }, () => manager.save(manager.create(Picture, { post })))).toEqual(['latest']);
  });

  it('a view, of what it is made of', async () => {
    const { lostBy, lines, manager } = await filled();
    const view: CachedRead = { entity: PostsByAuthor, load: (inside) => inside.find(PostsByAuthor) };
    expect(
      await lostBy({ view }, () => manager.save(manager.create(Post, { media: { views: 1 }, authorId: 2 }))),
    ).toEqual(['view']);
    await manager.query('SELECT 1');
    expect(lines.join()).not.toContain('PostsByAuthor is a view');
    await lostBy({ count: { entity: PostCount, load: (inside) => inside.find(PostCount) } }, () => undefined);
    expect(lines.join()).toContain('PostCount is a view that does not say what it is made of');
  });

  it('rows that are written by another class of the table', async () => {
    const { lostBy, manager } = await filled();
    const reads: Record<string, CachedRead> = {
      author: { entity: Author, load: (inside) => inside.findOneBy(Author, { id: 1 }) },
      authors: { entity: Author, load: (inside) => inside.find(Author) },
    };
    expect(await lostBy(reads, () => manager.save(Writer, { id: 1, name: 'Ada' }))).toEqual(Object.keys(reads));
  });
});

describe("listInvalidation: 'membership'", () => {
  const listInvalidation = 'membership';
  const byAuthor: CachedRead = {
    entity: Post,
    listInvalidation,
    load: (manager) => manager.findBy(Post, { authorId: 2 }),
  };

  it('a foreign key that is written through its plain column, or through the relation', async () => {
    const { lostBy, manager } = await filled();
    expect(await lostBy({ byAuthor }, () => manager.save(Post, { id: 1, authorId: 2 }))).toEqual(['byAuthor']);
    expect(await lostBy({ byAuthor }, () => manager.save(Post, { id: 1, author: { id: 1 } }))).toEqual(['byAuthor']);
  });

  it('a foreign key without a constraint', async () => {
    const { lostBy, manager } = await filled();
    await manager.save(manager.create(Badge, { post, giverId: 1 }));
    const byGiver: CachedRead = {
      entity: Badge,
      listInvalidation,
      load: (inside) => inside.findBy(Badge, { giverId: 2 }),
    };
    expect(await lostBy({ byGiver }, () => manager.save(Badge, { id: 1, giverId: 2 }))).toEqual(['byGiver']);
  });

  it('a row that save() brings back', async () => {
    const { lostBy, manager } = await filled();
    await manager.softDelete(Author, { id: 2 });
    const authors: CachedRead = { entity: Author, listInvalidation, load: (inside) => inside.find(Author) };
    expect(await lostBy({ authors }, () => manager.save(Author, { id: 2, deletedAt: null }))).toEqual(['authors']);
  });

  it('an update that touches neither key nor row of the list is nothing to it', async () => {
    const { lostBy, manager } = await filled();
    expect(await lostBy({ byAuthor }, () => manager.save(Post, { id: 1, media: { views: 2 } }))).toEqual([]);
  });

  it('plain objects that were made of rows show columns of any of them', async () => {
    const { lostBy, manager } = await filled();
    const views: CachedRead = {
      entity: Post,
      listInvalidation,
      load: async (inside) => (await inside.find(Post)).map(({ media }) => ({ views: media.views })),
    };
    expect(await lostBy({ views }, () => manager.save(Post, { id: 1, media: { views: 3 } }))).toEqual(['views']);
  });
});

describe('what the value does not show', () => {
  const load: CachedRead['load'] = async (manager) => {
    const found = await manager.find(Post, { where: { author: { name: 'ada' } } });
    return found.map(({ id, media }) => ({ id, views: media.views }));
  };

  it('further entities: any change of them', async () => {
    const { lostBy, manager } = await filled();
    const feed: CachedRead = { entity: [Post, Author], load };
    expect(await lostBy({ feed }, () => manager.save(Author, { id: 2, name: 'ada' }))).toEqual(['feed']);
    expect(await lostBy({ feed }, () => manager.save(Post, { id: 1, authorId: 2 }))).toEqual(['feed']);
  });

  it('the same entity once more: any change of it, beside the row that is shown', async () => {
    const { lostBy, manager } = await filled();
    const latest: CachedRead = {
      entity: [Post, Post],
      load: async (inside) => (await inside.find(Post, { order: { id: 'DESC' }, take: 1 }))[0],
    };
    expect(await lostBy({ latest }, () => manager.save(manager.create(Post, { media: { views: 1 } })))).toEqual([
      'latest',
    ]);
  });

  it('rows that a plain object was made of: changes of these, and of no others', async () => {
    const { lostBy, manager } = await filled();
    await manager.save(manager.create(Post, { media: { views: 1 } }));
    const card: CachedRead = {
      entity: Post,
      rows: (value) => [[Post, (value as { id: number }).id]],
      load: async (inside) => ({ id: 1, views: (await inside.findOneByOrFail(Post, { id: 1 })).media.views }),
    };
    expect(await lostBy({ card }, () => manager.save(Post, { id: 2, media: { views: 2 } }))).toEqual([]);
    expect(await lostBy({ card }, () => manager.save(Post, { id: 1, media: { views: 2 } }))).toEqual(['card']);
    expect(await lostBy({ card }, () => manager.update(Post, { id: 1 }, { media: { views: 4 } }))).toEqual(['card']);
  });

  it('names of which no data source knows anything are not passed over', async () => {
    class Dto {}
    const { events, lostBy, manager, service } = await filled();
    const feed: CachedRead = { entity: [Dto, Author], load: async (inside) => (await inside.find(Author)).length };
    expect(await lostBy({ feed }, () => manager.save(manager.create(Author, { name: 'eve' })))).toEqual(['feed']);
    await service.getOrLoad(['card'], () => ({}), { entity: Post, rows: () => [[Dto, 1]] });
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'not-stored',
        detail: expect.stringContaining('no data source has one') as unknown,
      }),
    );
  });

  it('a row without a key: the value is not stored, and it is said why', async () => {
    const { events, manager, service } = await filled();
    await service.getOrLoad(['card'], () => load(manager), { entity: Post, rows: () => [[Post, undefined]] });
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'not-stored',
        detail: expect.stringContaining('the key of a row of Post') as unknown,
      }),
    );
  });

  it('no rows named: any change of the entity', async () => {
    const { lostBy, manager } = await filled();
    const none: CachedRead = { entity: Post, rows: () => [], load: () => Promise.resolve({}) };
    expect(await lostBy({ none }, () => manager.save(Post, { id: 1, media: { views: 9 } }))).toEqual(['none']);
  });
});
