# Stand-in for mysql:8.0 and mysql:8.4: the MySQL of Debian sid, which is newer than both.
FROM debian:sid-slim
# A snapshot of sid may be older than its expiry date.
RUN apt-get -o Acquire::Check-Valid-Until=false update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        mysql-client-core mysql-server-core \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && { id mysql >/dev/null 2>&1 || useradd --system mysql; } \
 && install -d -o mysql -g mysql /var/lib/mysql /var/run/mysqld
# Each container starts with a copy of these data, which take seconds to create, and gets its own auto.cnf.
RUN mysqld --initialize-insecure --user=mysql --datadir=/opt/mysql --innodb-redo-log-capacity=8M \
 && rm /opt/mysql/auto.cnf
COPY rehearsal/images/mysql-entrypoint /usr/local/bin/docker-entrypoint.sh
VOLUME /var/lib/mysql
EXPOSE 3306 33060
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["mysqld"]
