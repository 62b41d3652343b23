/** The tutorial's server on grpc-js, for Node. Usage: node grpc_js.mjs PROTO PORT; 0 is a free port. */
import { loadPackageDefinition, Server, ServerCredentials } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const [proto, port] = process.argv.slice(2);
const { userservice } = loadPackageDefinition(loadSync(proto, { keepCase: true, defaults: true }));

const server = new Server();
server.addService(userservice.UserService.service, {
  GetUser({ request }, reply) {
    console.log(`Получен запрос к методу GetUser от пользователя: ${request.username}`);
    reply(null, { message: `Привет, ${request.username}!` });
  },
});
server.bindAsync(`[::]:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
  if (error) throw error;
  console.log(`gRPC сервер запущен на порту ${bound}...`);
});
