import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Connector;

/** Each setting of connector files put to the connector's own definition, without a connection to any database. */
public class CheckSettings {
    public static void main(String[] files) throws Exception {
        for (String file : files) {
            Map<String, String> settings =
                    new ObjectMapper().readValue(new File(file), new TypeReference<Map<String, String>>() {});
            Connector connector =
                    (Connector) Class.forName(settings.get("connector.class")).getDeclaredConstructor().newInstance();
            ConfigDef definition = connector.config();
            settings.keySet().stream()
                    .filter(name -> !definition.names().contains(name))
                    .forEach(name -> System.out.println(file + "\tunknown\t" + name));
            definition.validate(settings).forEach(value -> ((List<String>) value.errorMessages())
                    .forEach(problem -> System.out.println(file + "\terror\t" + value.name() + ": " + problem)));
            System.out.println(file + "\tread\t" + definition.names().size());
        }
    }
}
