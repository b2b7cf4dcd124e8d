import KeyvRedis from '@keyv/redis';
import { CacheModule } from '@nestjs/cache-manager';
import { Keyv } from 'keyv';
import { start } from './app.js';

const keyv = new Keyv({ store: new KeyvRedis(process.env['REDIS_URL']), namespace: process.env['NAMESPACE'] ?? '' });

void start([CacheModule.register({ isGlobal: true, stores: [keyv] })]);
