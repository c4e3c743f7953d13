//! A real MQTT broker, Mosquitto, that asks devices for certificates, and a client that stands for the cloud.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use dag_uplink::{DeviceReport, Topics};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

const PATIENCE: Duration = Duration::from_secs(30);

/// A broker with an authority of its own. Killed when it is dropped.
pub struct Mosquitto {
    folder: tempfile::TempDir,
    authority: Issuer<'static, KeyPair>,
    /// Where devices connect, with a certificate.
    pub port: u16,
    /// Where the cloud does, on this machine, without.
    back: u16,
    child: Option<Child>,
}

impl Mosquitto {
    pub fn start() -> Mosquitto {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, authority) = authority();
        fs::write(folder.path().join("ca.pem"), certificate).unwrap();
        let mut broker = Mosquitto { folder, authority, port: free_port(), back: free_port(), child: None };
        let (certificate, key) = broker.certificate("localhost");
        let text = format!(
            "per_listener_settings true\nuser root\npersistence false\nlog_dest none\n\
             listener {} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n\
             use_identity_as_username true\n\
             listener {} 127.0.0.1\nallow_anonymous true\n",
            broker.port,
            broker.ca().display(),
            certificate.display(),
            key.display(),
            broker.back,
        );
        fs::write(broker.folder.path().join("mosquitto.conf"), text).unwrap();
        broker.come_back();
        broker
    }

    pub fn go_away(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub fn come_back(&mut self) {
        let mut command = Command::new("mosquitto");
        // Debian keeps it where only administrators look.
        command.env("PATH", format!("{}:/usr/sbin:/usr/local/sbin", std::env::var("PATH").unwrap_or_default()));
        command.arg("-c").arg(self.folder.path().join("mosquitto.conf"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.child = Some(child.expect("there is no mosquitto: run `bash .ci/run`"));
        let end = Instant::now() + PATIENCE;
        for port in [self.port, self.back] {
            while TcpStream::connect(("127.0.0.1", port)).is_err() {
                assert!(Instant::now() < end, "mosquitto does not listen");
                thread::sleep(Duration::from_millis(10));
            }
        }
    }

    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate of the broker's authority, and its key.
    pub fn certificate(&self, name: &str) -> (PathBuf, PathBuf) {
        write_certificate(self.folder.path(), name, &self.authority)
    }

    /// A certificate of an authority that the broker does not know.
    pub fn foreign_certificate(&self, name: &str) -> (PathBuf, PathBuf) {
        write_certificate(self.folder.path(), &format!("{name}-foreign"), &authority().1)
    }

    /// Listens to what `device` reports.
    pub fn cloud(&self, device: &str) -> Cloud {
        Cloud::listen(self.back, device)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.go_away();
    }
}

fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "test authority");
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), Issuer::new(params, key))
}

fn write_certificate(folder: &Path, name: &str, authority: &Issuer<'static, KeyPair>) -> (PathBuf, PathBuf) {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let files = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    fs::write(&files.0, params.signed_by(&key, authority).unwrap().pem()).unwrap();
    fs::write(&files.1, key.serialize_pem()).unwrap();
    files
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What the cloud hears, and says.
pub struct Cloud {
    client: Client,
    reports: Receiver<DeviceReport>,
    command: String,
}

impl Cloud {
    fn listen(port: u16, device: &str) -> Cloud {
        let topics = Topics { prefix: "dag" };
        let mut options = MqttOptions::new("cloud", "127.0.0.1", port);
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut connection) = Client::new(options, 16);
        let (sender, reports) = channel();
        let (ready, listening) = channel();
        client.try_subscribe(topics.report(device), QoS::AtLeastOnce).unwrap();
        thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::SubAck(_))) => drop(ready.send(())),
                    Ok(Event::Incoming(Packet::Publish(message))) => {
                        if sender.send(DeviceReport::parse(&message.payload).unwrap()).is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        listening.recv_timeout(PATIENCE).unwrap();
        Cloud { client, reports, command: topics.command(device) }
    }

    /// The next report.
    pub fn next(&self) -> DeviceReport {
        self.reports.recv_timeout(PATIENCE).expect("no report came")
    }

    /// The next report of which something is true.
    pub fn wait_for(&self, wanted: impl Fn(&DeviceReport) -> bool) -> DeviceReport {
        loop {
            let report = self.next();
            if wanted(&report) {
                return report;
            }
        }
    }

    /// Sends bytes as a command.
    pub fn say(&self, command: &[u8]) {
        self.client.publish(self.command.as_str(), QoS::AtLeastOnce, false, command).unwrap();
    }
}
