//! One call of GetUser with tonic, for usersvc gauntlet.
use std::{env, process::ExitCode, time::Duration};
use tonic::{client::Grpc, codegen::http::uri::PathAndQuery, transport::Endpoint, Request, Status};
use tonic_prost::ProstCodec;

// A message of one string in field 1, as String is for prost, needs no generated code.
async fn get_user() -> Result<String, Status> {
    let address = env::var("USERSVC_ADDRESS").expect("an address");
    let timeout = env::var("USERSVC_TIMEOUT").expect("a timeout");
    let timeout = timeout.trim_end_matches("ms").parse().expect("milliseconds");
    let unavailable = |error: tonic::transport::Error| Status::unavailable(error.to_string());
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(unavailable)?;
    let mut client = Grpc::new(endpoint.connect_lazy());
    client.ready().await.map_err(unavailable)?;
    let mut request = Request::new(String::from("Alice"));
    request.set_timeout(Duration::from_millis(timeout));
    let path = PathAndQuery::from_static("/userservice.UserService/GetUser");
    let codec: ProstCodec<String, String> = ProstCodec::default();
    Ok(client.unary(request, path, codec).await?.into_inner())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match get_user().await {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(status) => {
            eprintln!("{status}");
            ExitCode::from(64 + status.code() as u8)
        }
    }
}
