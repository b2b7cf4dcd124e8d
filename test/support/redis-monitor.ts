export { monitorRedis, type RedisMonitor, type SeenCommand } from '../../servers/index.js';
