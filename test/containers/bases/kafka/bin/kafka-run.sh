#!/usr/bin/env bash
# Called by the name of one of Kafka's programs, runs its class.
set -euo pipefail
case $(basename "$0") in
  kafka-storage.sh) class=kafka.tools.StorageTool ;;
  kafka-server-start.sh) class=kafka.Kafka; export KAFKA_HEAP_OPTS="${KAFKA_HEAP_OPTS:--Xmx1G -Xms1G}" ;;
  kafka-configs.sh) class=kafka.admin.ConfigCommand ;;
  kafka-acls.sh) class=org.apache.kafka.tools.AclCommand ;;
  kafka-topics.sh) class=org.apache.kafka.tools.TopicCommand ;;
  kafka-console-consumer.sh) class=org.apache.kafka.tools.consumer.ConsoleConsumer ;;
  kafka-console-producer.sh) class=org.apache.kafka.tools.ConsoleProducer ;;
  kafka-consumer-groups.sh) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
  kafka-broker-api-versions.sh) class=org.apache.kafka.tools.BrokerApiVersionsCommand ;;
  kafka-metadata-quorum.sh) class=org.apache.kafka.tools.MetadataQuorumCommand ;;
  kafka-log-dirs.sh) class=org.apache.kafka.tools.LogDirsCommand ;;
  *) echo "$0 is not a program of Kafka that is known here" >&2; exit 1 ;;
esac
exec /opt/kafka/bin/kafka-run-class.sh "$class" "$@"
