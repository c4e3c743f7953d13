//! A broker with a certificate authority of its own for devices, and a client in the part of the cloud.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
    thread,
};

use dag_uplink::{DeviceReport, Topics};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

use crate::mosquitto::{Mosquitto, PATIENCE, free_port};

pub struct UplinkBroker {
    mosquitto: Mosquitto,
    authority: Issuer<'static, KeyPair>,
    lines: String,
    /// The port for devices, which need a certificate.
    pub port: u16,
    /// The port for the cloud, which needs no certificate.
    cloud_port: u16,
}

impl UplinkBroker {
    pub fn start() -> UplinkBroker {
        let folder = tempfile::tempdir().unwrap();
        let (ca, authority) = authority();
        fs::write(folder.path().join("ca.pem"), ca).unwrap();
        let (certificate, key) = write_certificate(folder.path(), "localhost", &authority);
        let cloud_port = free_port();
        let lines = format!(
            "cafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\nuse_identity_as_username true\n\
             listener {cloud_port} 127.0.0.1\nallow_anonymous true",
            folder.path().join("ca.pem").display(),
            certificate.display(),
            key.display(),
        );
        let mosquitto = Mosquitto::start_with(folder, &lines);
        UplinkBroker { port: mosquitto.port, mosquitto, authority, lines, cloud_port }
    }

    pub fn go_away(&mut self) {
        self.mosquitto.stop();
    }

    pub fn come_back(&mut self) {
        self.mosquitto.restart(&self.lines);
    }

    pub fn ca(&self) -> PathBuf {
        self.mosquitto.dir().join("ca.pem")
    }

    /// Writes a certificate of the broker's authority and its key. Returns their paths.
    pub fn certificate(&self, name: &str) -> (PathBuf, PathBuf) {
        write_certificate(self.mosquitto.dir(), name, &self.authority)
    }

    /// Writes a certificate of an authority that the broker does not know, and its key. Returns their paths.
    pub fn foreign_certificate(&self, name: &str) -> (PathBuf, PathBuf) {
        write_certificate(self.mosquitto.dir(), &format!("{name}-foreign"), &authority().1)
    }

    /// Subscribes to the reports of `device`.
    pub fn cloud(&self, device: &str) -> Cloud {
        Cloud::listen(self.cloud_port, device)
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

/// The cloud: receives reports and sends commands.
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

    /// Waits for the next report.
    pub fn next(&self) -> DeviceReport {
        self.reports.recv_timeout(PATIENCE).expect("no report came")
    }

    /// Waits for the next report that is `expected`.
    pub fn wait_for(&self, expected: impl Fn(&DeviceReport) -> bool) -> DeviceReport {
        loop {
            let report = self.next();
            if expected(&report) {
                return report;
            }
        }
    }

    /// Sends bytes as a command.
    pub fn send(&self, command: &[u8]) {
        self.client.publish(self.command.as_str(), QoS::AtLeastOnce, false, command).unwrap();
    }
}
